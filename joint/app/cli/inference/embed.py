"""`joint embed`: the speaker embedding of each recording."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, open_model
from joint.errors import DataError
from joint.files import atomic_path, readable
from joint.terminal import warn

if TYPE_CHECKING:
    import numpy as np


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
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Compute the speaker embedding of each recording and write all of them to one file.

    Recordings that cannot be used are skipped, counted and named in a warning. Audio may have any
    sample rate and any number of channels. Under torchrun the recordings are divided among the
    processes.

    Example: joint embed a.wav b.wav --output embeddings.npz
    """
    from tasks.verification.sharing import embed_shared

    paths = _recordings(files or [], wav_scp)
    embedded = embed_shared(open_model(checkpoint, tasks=()).embed, paths, progress=True)
    if embedded is None:  # the first process writes what all of them found
        return
    write_npz(output, embedded.names, embedded.embeddings)
    if embedded.skipped:
        warn(f"{len(embedded.skipped)} of {len(paths)} skipped: {', '.join(embedded.skipped)}")
    print(f"{output}: {len(embedded.names)} embeddings of dimension {embedded.embeddings.shape[1]}")


def _recordings(files: list[Path], wav_scp: Path | None) -> dict[str, Path]:
    from joint.data.prepare.tables import read_wav_scp

    if bool(files) == bool(wav_scp):
        raise DataError("joint embed", "both" if files else "neither", "--wav-scp FILE or FILES…")
    if wav_scp is not None:
        return read_wav_scp(wav_scp)
    named: dict[str, Path] = {}
    for file in files:
        if (name := readable(file.stem)) in named:
            raise DataError(file, f"the id of {named[name]} again", "one name a file")
        named[name] = file
    return named


def write_npz(path: Path, names: list[str], embeddings: "np.ndarray") -> None:
    """Write `embeddings (n, E)` under their `names`, atomically; `numpy.load` reads them."""
    import numpy as np

    # Not numpy.savez: its keywords would refuse an utterance called `file`.
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, embedding in zip(names, embeddings, strict=True):
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, np.asarray(embedding, dtype=np.float32))
