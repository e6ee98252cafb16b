"""Embeddings in a file: a NumPy archive with a vector for each utterance."""

import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from joint.data.corpus import Corpus
from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError, first_of
from joint.files import atomic_path
from tasks.verification.embedding import EmbeddedFiles

EXPECTED = "a NumPy archive of embeddings that `joint embed` or `joint voice` wrote"


def write_embeddings(
    path: Path,
    names: Sequence[str],
    embeddings: np.ndarray,
    encoder: EncoderIdentity | None = None,
) -> None:
    """Write `embeddings (n, E)` under their `names`, atomically; `numpy.load` reads them. The
    archive's comment says of which `encoder` they are, where that is given."""
    # Not numpy.savez: its keywords would refuse an utterance called `file`.
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, embedding in zip(names, embeddings, strict=True):
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, np.asarray(embedding, dtype=np.float32))
        if encoder is not None:
            identity = {"name": encoder.name, "fingerprint": encoder.fingerprint}
            archive.comment = json.dumps({"encoder": identity}).encode()


def read_voice(
    path: Path, name: str | None = None, encoder: EncoderIdentity | None = None
) -> np.ndarray:
    """One embedding `(E,)` of a file, by which a person or a generated voice is known: that called
    `name`, which may be None where there is one alone.

    Raises DataError for a file that is no such archive, a name that is not in it, several
    embeddings without a name, and, with `encoder`, for embeddings of another one.
    """
    with _opened(path) as archive:
        known = list(archive.files)
        if name is None and len(known) != 1:
            raise DataError(path, f"{len(known)} embeddings: {first_of(known)}", "one, or --name")
        if name is not None and name not in known:
            raise DataError(path, f"no embedding called {name}", first_of(known))
        embedding: np.ndarray = archive[known[0] if name is None else name]
        _check_encoder(archive, path, encoder)
    if embedding.ndim != 1 or embedding.dtype.kind != "f" or not np.isfinite(embedding).all():
        found = f"{embedding.dtype} of shape {embedding.shape}"
        raise DataError(path, found, "finite numbers of shape (E,)")
    return embedding.astype(np.float32)


def _check_encoder(
    archive: "np.lib.npyio.NpzFile", path: Path, encoder: EncoderIdentity | None
) -> None:
    """Raise DataError where the archive says that its embeddings are of another encoder."""
    comment = archive.zip.comment if archive.zip is not None else b""
    if encoder is None or not comment:
        return
    try:
        stored = EncoderIdentity(**json.loads(comment)["encoder"])
    except (ValueError, KeyError, TypeError):
        raise DataError(path, "another comment", EXPECTED) from None
    if stored.fingerprint != encoder.fingerprint:
        raise DataError(path, f"embeddings of encoder {stored}", f"of {encoder}")


@contextmanager
def _opened(path: Path) -> "Iterator[np.lib.npyio.NpzFile]":
    """The archive at `path`. Raises DataError for what is none, while it is read too."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "a file of another kind"
        raise DataError(path, reason, EXPECTED) from None


def read_embeddings(
    paths: Iterable[Path],
    corpus: Corpus,
    names: Sequence[str],
    encoder: EncoderIdentity | None = None,
) -> EmbeddedFiles:
    """The embeddings of those `names` that the files at `paths` have, with durations from `corpus`.

    Raises DataError for a file that is no such archive, for an utterance that two files have, for
    embeddings of several dimensions, where no file has any of the names, and, with `encoder`, for
    embeddings of another one.
    """
    found: dict[str, np.ndarray] = {}
    place: dict[str, Path] = {}
    needed = set(names)
    for path in paths:
        with _opened(path) as archive:
            _check_encoder(archive, path, encoder)
            for name in archive.files:
                if name in place:
                    raise DataError(path, f"{name}, as in {place[name]}", "each utterance once")
                place[name] = path
                if name in needed:
                    found[name] = archive[name]
    kept = [name for name in names if name in found]
    if not kept:
        raise DataError("--embeddings", f"{len(place)} others", "those of the trials' utterances")
    for name in kept:
        if found[name].shape != found[kept[0]].shape or found[name].ndim != 1:
            shapes = f"shapes {found[kept[0]].shape} and {found[name].shape}"
            raise DataError(place[name], shapes, "one dimension, (E,), for all")
    seconds = np.array([corpus.by_id[name].seconds for name in kept])
    return EmbeddedFiles(kept, np.stack([found[name] for name in kept]), seconds)
