"""`joint shard`: a prepared corpus as shards for a web server or a bucket."""

from pathlib import Path
from typing import Annotated

import typer

from joint.data.choices import Encoding


def shard(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A split that 'joint prepare' wrote.")
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder.")],
    shard_size: Annotated[
        int, typer.Option("--shard-size", metavar="N", min=1, help="Utterances a shard.")
    ] = 1000,
    encoding: Annotated[
        Encoding,
        typer.Option("--encoding", help="Recordings as they are, or 16 kHz mono in FLAC or Opus."),
    ] = Encoding.ORIGINAL,
) -> None:
    """Shards in OUT/shar that lhotse reads, with an index for training from them at random.

    Put OUT on a web server or a bucket and name its URL as data.train or data.validation: a shard
    is fetched when it is first needed, checked, and kept in data.shards.

    Example: joint shard data/voxceleb/train exp/shards/voxceleb-train
    """
    from joint.data.storage.sharding import shard_corpus

    utterances, shards = shard_corpus(data, output, shard_size, encoding)
    print(f"{output}: {utterances} utterances in {shards} shards")
