"""`joint embed`: the speaker embedding of each recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, Engine
from joint.errors import DataError
from joint.files import readable
from joint.terminal import warn

if TYPE_CHECKING:
    from tasks.verification.embedding import Recording


def embed(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="OUT.npz",
            help="A NumPy archive with a float32 vector for each utterance id.",
        ),
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES...",
            help="Recordings, each >= 0.3 s; the file name without its ending is the utterance id.",
        ),
    ] = None,
    wav_scp: Annotated[
        Path | None,
        typer.Option(
            "--wav-scp", metavar="FILE", help="A table with lines `id path`, instead of FILES."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="A corpus in any form that `joint evaluate` takes, instead of FILES.",
        ),
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(
            "--share",
            metavar="K/N",
            help="Only the K-th of N equal shares of the recordings, for a job of an array.",
        ),
    ] = None,
    checkpoint: Checkpoint = SHIPPED,
    engine: Engine = "auto",
) -> None:
    """Compute the speaker embedding of each recording and write all of them to one file.

    Recordings that cannot be used are skipped, counted and named in a warning. Audio may have any
    sample rate and any number of channels. Under torchrun the recordings are divided among the
    processes; jobs of an array take a --share each, and `joint evaluate verification` reads the
    files of all of them. CHECKPOINT may also be an encoder that `joint export` wrote.

    Example: joint embed a.wav b.wav --output embeddings.npz
    """
    from joint.app.engine.choosing import open_encoder
    from tasks.verification.sharing import embed_shared, share_of
    from tasks.verification.stored import write_embeddings

    recordings = share_of(_recordings(files or [], wav_scp, data), share)
    model = open_encoder(checkpoint, engine)
    embedded = embed_shared(model.embed, recordings, progress=True)
    if embedded is None:  # the first process writes what all of them found
        return
    write_embeddings(output, embedded.names, embedded.embeddings, model.identity)
    if embedded.skipped:
        warn(f"{len(embedded.skipped)} of {len(recordings)} skipped: {', '.join(embedded.skipped)}")
    print(f"{output}: {len(embedded.names)} embeddings of dimension {embedded.embeddings.shape[1]}")


def _recordings(
    files: list[Path], wav_scp: Path | None, data: Path | None
) -> "Mapping[str, Recording]":
    from joint.data.opening import open_corpus
    from joint.data.prepare.tables import read_wav_scp

    given = sum(map(bool, (files, wav_scp, data)))
    if given != 1:
        expected = "one of FILES…, --wav-scp FILE and --data DATA"
        raise DataError("joint embed", "several of them" if given else "none", expected)
    if data is not None:
        return open_corpus(data).by_id
    if wav_scp is not None:
        return read_wav_scp(wav_scp)
    named: dict[str, Path] = {}
    for file in files:
        if (name := readable(file.stem)) in named:
            raise DataError(file, f"the id of {named[name]} again", "one name a file")
        named[name] = file
    return named
