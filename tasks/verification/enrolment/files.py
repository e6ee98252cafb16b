"""A speaker database on disk: a folder with one JSON file and the tensor file that it names.

The tensor file is written first, under a new name; replacing `database.json` commits the change;
the former tensor file is removed last. A process that is killed in between leaves either the
former or the new database, complete.
"""

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from joint.encoders.identity import EncoderIdentity
from joint.errors import DataError, JointError
from joint.files import atomic_write, check_folder
from tasks.verification.enrolment.database import (
    EnrolledRecording,
    SpeakerDatabase,
    checked_name,
)

FORMAT = "joint-speaker speaker database/1"
DATABASE, LOCK, TENSOR = "database.json", ".lock", "embeddings"
AUDIO = "audio-{}"
"""A tensor of 16-bit samples for the recording of a row, where its audio is kept."""
TENSOR_FILE = re.compile(r"embeddings-[0-9a-f]{16}\.safetensors")
LEFT_OVER = re.compile(
    r"embeddings-[0-9a-f]{16}\.safetensors|\.(embeddings-[0-9a-f]{16}|database)\.\d+\.\w+"
)
"""Files that a former state, or a process that was killed, may have left in the folder."""


def read_database(folder: str | Path, encoder: EncoderIdentity | None = None) -> SpeakerDatabase:
    """The speaker database in `folder`; with `encoder`, it must be one of that encoder.

    Raises DataError for a folder without a database, a file that is missing, damaged or of another
    format, and a database of another encoder.
    """
    path = Path(folder) / DATABASE
    while True:
        content = _bytes(path, "a speaker database (`joint enroll` makes one)")
        try:
            database = _parsed(path, content)
            break
        except DataError:
            # Another process may have replaced both files since the first was read.
            if _bytes(path, "a speaker database") == content:
                raise
    if encoder is not None and database.encoder.fingerprint != encoder.fingerprint:
        raise DataError(path, f"embeddings of encoder {database.encoder}", f"of {encoder}")
    return database


@contextmanager
def edit_database(
    folder: str | Path, encoder: EncoderIdentity | None = None
) -> Iterator[SpeakerDatabase]:
    """The database in `folder`, locked for changes; written when the block ends without an error.

    With `encoder`, an empty or missing folder gets a new one. Raises DataError as `read_database`,
    and where another process holds the lock; JointError where the folder cannot be written.
    """
    folder = Path(folder)
    if encoder is None:
        read_database(folder)  # so that a folder without a database gets no lock file either
    elif not (folder / DATABASE).exists():
        check_new(folder)
    with _locked(folder):
        if encoder is None or (folder / DATABASE).exists():
            database = read_database(folder, encoder)
        else:
            database = SpeakerDatabase(encoder)
        yield database
        _write(folder, database)


def check_new(folder: Path) -> None:
    """Raise DataError where no new database can be made in `folder`: where it cannot be written, or
    holds something else, such as a corpus."""
    try:
        check_folder(folder)
    except JointError as error:
        raise DataError(error.where, error.found, error.expected) from None
    if folder.is_dir():
        names = {path.name for path in folder.iterdir()}
        others = [name for name in names if name != LOCK and not LEFT_OVER.fullmatch(name)]
        # Another process may have made the database by now.
        if others and DATABASE not in names:
            expected = "a speaker database, or a new or empty folder to make one in"
            raise DataError(folder, "a folder with other content", expected)


def _locked(folder: Path) -> IO[bytes]:
    """The folder's lock file, locked until it is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The file stays: were it removed, two processes could lock two files of one name.
        file = (folder / LOCK).open("ab")
    except OSError as error:
        found = (error.strerror or str(error)).lower()
        raise DataError(folder, found, "a folder that can be written") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        busy = isinstance(error, BlockingIOError)
        found = (
            "a speaker database locked by another process"
            if busy
            else f"no lock ({error.strerror})"
        )
        raise DataError(folder, found, "one that is not being written: try again later") from None
    return file


def _write(folder: Path, database: SpeakerDatabase) -> None:
    rows = [r for enrolled in database.speakers.values() for r in enrolled]
    matrix = np.stack([r.embedding for r in rows]) if rows else np.zeros((0, 0))
    audio = {
        AUDIO.format(i): np.round(np.clip(row.audio, -1.0, 1.0) * 32_767).astype(np.int16)
        for i, row in enumerate(rows)
        if row.audio is not None
    }
    tensors = save({TENSOR: np.ascontiguousarray(matrix, dtype=np.float32), **audio})
    digest = hashlib.sha256(tensors).hexdigest()
    name = f"embeddings-{digest[:16]}.safetensors"
    stored = {
        "format": FORMAT,
        "encoder": {
            "name": database.encoder.name,
            "fingerprint": database.encoder.fingerprint,
        },
        "tensors": {"file": name, "sha256": digest, "shape": list(matrix.shape)},
        # The rows of the tensor are in this order: a list, for JSON objects are unordered.
        "speakers": [
            {
                "name": speaker,
                "recordings": [
                    {
                        "file": r.file,
                        "sha256": r.sha256,
                        "seconds": r.seconds,
                        "properties": dict(r.properties),
                    }
                    for r in enrolled
                ],
            }
            for speaker, enrolled in database.speakers.items()
        ],
    }
    atomic_write(folder / name, tensors)
    atomic_write(folder / DATABASE, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")
    for path in folder.iterdir():
        if LEFT_OVER.fullmatch(path.name) and path.name != name:
            path.unlink(missing_ok=True)


def _parsed(path: Path, content: bytes) -> SpeakerDatabase:
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"no readable JSON ({error})", "a speaker database") from None
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise DataError(path, f"format {version!r}", repr(FORMAT))
    try:
        encoder = EncoderIdentity(**stored["encoder"])
        tensors = stored["tensors"]
        speakers = [(_name(s["name"]), list(s["recordings"])) for s in stored["speakers"]]
        count = sum(len(recordings) for _, recordings in speakers)
        if len(dict(speakers)) != len(speakers) or not all(known for _, known in speakers):
            raise ValueError("a speaker twice, or without recordings")
        rows = iter(_rows(path.parent, tensors, count))
        return SpeakerDatabase(
            encoder,
            {name: [_recording(r, next(rows)) for r in known] for name, known in speakers},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(path, f"{type(error).__name__}: {error}", "a speaker database") from None


def _name(stored: str) -> str:
    try:
        return checked_name(stored)
    except DataError as error:
        raise ValueError(str(error)) from None


def _recording(
    stored: dict[str, Any], row: tuple[np.ndarray, np.ndarray | None]
) -> EnrolledRecording:
    file, digest = str(stored["file"]), str(stored["sha256"])
    properties = dict(stored.get("properties", {}))  # absent where an earlier version enrolled it
    return EnrolledRecording(file, digest, float(stored["seconds"]), row[0], properties, row[1])


def _rows(
    folder: Path, stored: dict[str, Any], count: int
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """The checked embedding `(E,)` of each of `count` recordings, and the audio that is kept."""
    if not TENSOR_FILE.fullmatch(stored["file"]):
        raise ValueError(f"a tensor file called {stored['file']!r}")
    path = folder / stored["file"]
    content = _bytes(path, f"the tensor file that {DATABASE} names")
    if hashlib.sha256(content).hexdigest() != stored["sha256"]:
        found = f"{len(content)} bytes with another checksum than in {DATABASE}"
        raise DataError(path, found, "the file as it was written (truncated or damaged)")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise DataError(path, f"no readable safetensors ({error})", "embeddings") from None
    matrix = tensors.get(TENSOR)
    if matrix is None or matrix.dtype != np.float32:
        raise DataError(path, f"tensors {sorted(tensors)}", f"{TENSOR!r} in float32")
    shape = tuple(stored["shape"])
    if matrix.shape != shape or len(shape) != 2 or len(matrix) != count:
        raise DataError(
            path,
            f"embeddings of shape {matrix.shape}",
            f"{shape}, a row for each of {count} recordings",
        )
    if not np.isfinite(matrix).all():
        raise DataError(path, "NaN or infinity in its embeddings", "finite numbers")
    audio = [tensors.get(AUDIO.format(i)) for i in range(count)]
    if any(a is not None and (a.dtype != np.int16 or a.ndim != 1) for a in audio):
        raise DataError(path, "audio of another type", "16-bit samples, shape (S,)")
    scaled = (None if a is None else np.float32(1 / 32_767) * a for a in audio)
    return list(zip(matrix, scaled, strict=True))


def _bytes(path: Path, expected: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "no file", expected) from None
    except OSError as error:
        raise DataError(path, (error.strerror or str(error)).lower(), expected) from error
