"""`joint shard`: a prepared corpus as shards for a web server or a bucket."""

from pathlib import Path
from typing import Annotated

import typer

from joint.data.choices import Encoding, Kind


def shard(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="A split that `joint prepare` wrote, such as OUT/train; with --kind a folder of "
            "noises or of room responses.",
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
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            metavar="speech|noise|rooms",
            help="What DATA holds. Noises and responses are stored as 16 kHz mono FLAC, for a "
            "recipe's augmentation.noise and augmentation.rooms.",
        ),
    ] = Kind.SPEECH,
) -> None:
    """Write a prepared corpus as shards (tar files) with an index, for a web server or a bucket.

    The URL of OUT can then be used as data.train and data.validation of a recipe and as --data of
    the other commands: each shard is downloaded when it is first needed, checked and cached. lhotse
    reads OUT/shar too.

    Noises are sharded by `joint shard musan exp/shards/musan --kind noise`.

    Example: joint shard data/voxceleb/train exp/shards/voxceleb-train
    """
    from joint.data.storage.sharding import shard_corpus

    utterances, shards = shard_corpus(data, output, shard_size, encoding, kind)
    noun = "utterances" if kind is Kind.SPEECH else "files"
    print(f"{output}: {utterances} {noun} in {shards} shards")
