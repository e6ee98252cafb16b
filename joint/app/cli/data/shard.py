"""`joint shard`: a prepared corpus as shards for a web server or a bucket."""

from pathlib import Path
from typing import Annotated

import typer

from joint.data.choices import Encoding


def shard(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A split that `joint prepare` wrote, such as OUT/train."
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The new folder to write.")],
    shard_size: Annotated[
        int,
        typer.Option(
            "--shard-size", metavar="N", min=1, help="The number of utterances in a shard."
        ),
    ] = 1000,
    encoding: Annotated[
        Encoding,
        typer.Option(
            "--encoding",
            metavar="original|flac|opus",
            help="Store the recordings as they are, or as 16 kHz mono FLAC or Opus.",
        ),
    ] = Encoding.ORIGINAL,
) -> None:
    """Write a prepared corpus as shards (tar files) with an index, for a web server or a bucket.

    The URL of OUT can then be used as data.train and data.validation of a recipe and as --data of
    the other commands: each shard is downloaded when it is first needed, checked and cached. lhotse
    reads OUT/shar too.

    Example: joint shard data/voxceleb/train exp/shards/voxceleb-train
    """
    from joint.data.storage.sharding import shard_corpus

    utterances, shards = shard_corpus(data, output, shard_size, encoding)
    print(f"{output}: {utterances} utterances in {shards} shards")
