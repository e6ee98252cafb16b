"""Embeddings in a file: a NumPy archive with a vector for each utterance."""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.files import atomic_path
from tasks.verification.embedding import EmbeddedFiles

EXPECTED = "a NumPy archive of embeddings that `joint embed` wrote"


def write_embeddings(path: Path, names: Sequence[str], embeddings: np.ndarray) -> None:
    """Write `embeddings (n, E)` under their `names`, atomically; `numpy.load` reads them."""
    # Not numpy.savez: its keywords would refuse an utterance called `file`.
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, embedding in zip(names, embeddings, strict=True):
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, np.asarray(embedding, dtype=np.float32))


def read_embeddings(paths: Iterable[Path], corpus: Corpus, names: Sequence[str]) -> EmbeddedFiles:
    """The embeddings of those `names` that the files at `paths` have, with durations from `corpus`.

    Raises DataError for a file that is no such archive, for an utterance that two files have, for
    embeddings of several dimensions, and where no file has any of the names.
    """
    found: dict[str, np.ndarray] = {}
    place: dict[str, Path] = {}
    needed = set(names)
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as archive:
                for name in archive.files:
                    if name in place:
                        raise DataError(path, f"{name}, as in {place[name]}", "each utterance once")
                    place[name] = path
                    if name in needed:
                        found[name] = archive[name]
        except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
            reason = getattr(error, "strerror", None) or "a file of another kind"
            raise DataError(path, reason, EXPECTED) from None
    kept = [name for name in names if name in found]
    if not kept:
        raise DataError("--embeddings", f"{len(place)} others", "those of the trials' utterances")
    for name in kept:
        if found[name].shape != found[kept[0]].shape or found[name].ndim != 1:
            shapes = f"shapes {found[kept[0]].shape} and {found[name].shape}"
            raise DataError(place[name], shapes, "one dimension, (E,), for all")
    seconds = np.array([corpus.by_id[name].seconds for name in kept])
    return EmbeddedFiles(kept, np.stack([found[name] for name in kept]), seconds)
