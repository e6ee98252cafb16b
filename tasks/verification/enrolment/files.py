"""A voice book on disk: a folder with one JSON file and the one tensor file that it names.

The tensor file is written first, under a name of its own; replacing `book.json` is what makes the
change; the former tensor file goes last. Whoever is killed in between leaves a whole book behind.
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
from joint.errors import DataError
from joint.files import atomic_write
from tasks.verification.enrolment.database import Voice, VoiceBook, checked_name

FORMAT = "joint-speaker voice book/1"
BOOK, LOCK, TENSOR = "book.json", ".lock", "embeddings"
TENSOR_FILE = re.compile(r"voices-[0-9a-f]{16}\.safetensors")
LEFT_OVER = re.compile(r"voices-[0-9a-f]{16}\.safetensors|\.(voices-[0-9a-f]{16}|book)\.\d+\.\w+")
"""What a former state, or a process that was killed, may have left in the folder."""


def read_book(folder: str | Path, encoder: EncoderIdentity | None = None) -> VoiceBook:
    """The book of a folder; with `encoder`, only a book of that one.

    Raises DataError for a folder without a book, a file that is missing, damaged or of another
    format, and a book of another encoder.
    """
    path = Path(folder) / BOOK
    while True:
        content = _bytes(path, "a voice book (`joint enroll` makes one)")
        try:
            book = _parsed(path, content)
            break
        except DataError:
            # Another process may have replaced the book, and its tensor file, since it was read.
            if _bytes(path, "a voice book") == content:
                raise
    if encoder is not None and book.encoder.fingerprint != encoder.fingerprint:
        raise DataError(path, f"voices of encoder {book.encoder}", f"of {encoder}")
    return book


@contextmanager
def edit_book(folder: str | Path, encoder: EncoderIdentity | None = None) -> Iterator[VoiceBook]:
    """The book of a folder to change, locked; written when the block ends well.

    With `encoder`, a folder without a book begins one. Raises DataError as `read_book`, and where
    another process has the lock; JointError where the folder cannot be written.
    """
    folder = Path(folder)
    if encoder is None:
        read_book(folder)  # so that a folder without a book gets no lock file either
    with _locked(folder):
        if encoder is None or (folder / BOOK).exists():
            book = read_book(folder, encoder)
        else:
            book = VoiceBook(encoder)
        yield book
        _write(folder, book)


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
        found = "a voice book locked by another process" if busy else f"no lock ({error.strerror})"
        raise DataError(folder, found, "one that nobody else writes: try again") from None
    return file


def _write(folder: Path, book: VoiceBook) -> None:
    voices = [voice for known in book.people.values() for voice in known]
    matrix = np.stack([voice.embedding for voice in voices]) if voices else np.zeros((0, 0))
    tensors = save({TENSOR: np.ascontiguousarray(matrix, dtype=np.float32)})
    digest = hashlib.sha256(tensors).hexdigest()
    name = f"voices-{digest[:16]}.safetensors"
    stored = {
        "format": FORMAT,
        "encoder": {"name": book.encoder.name, "fingerprint": book.encoder.fingerprint},
        "tensors": {"file": name, "sha256": digest, "shape": list(matrix.shape)},
        # Rows of the tensor in this order: a list, for an object's order is nobody's promise.
        "people": [
            {
                "name": person,
                "enrolments": [
                    {"file": voice.file, "sha256": voice.sha256, "seconds": voice.seconds}
                    for voice in known
                ],
            }
            for person, known in book.people.items()
        ],
    }
    atomic_write(folder / name, tensors)
    atomic_write(folder / BOOK, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")
    for path in folder.iterdir():
        if LEFT_OVER.fullmatch(path.name) and path.name != name:
            path.unlink(missing_ok=True)


def _parsed(path: Path, content: bytes) -> VoiceBook:
    try:
        stored = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"no readable JSON ({error})", "a voice book") from None
    version = stored.get("format") if isinstance(stored, dict) else None
    if version != FORMAT:
        raise DataError(path, f"format {version!r}", repr(FORMAT))
    try:
        encoder = EncoderIdentity(**stored["encoder"])
        tensors = stored["tensors"]
        people = [(_name(p["name"]), list(p["enrolments"])) for p in stored["people"]]
        count = sum(len(enrolments) for _, enrolments in people)
        if len(dict(people)) != len(people) or not all(known for _, known in people):
            raise ValueError("a person twice, or without enrolments")
        rows = iter(_matrix(path.parent, tensors, count))
        return VoiceBook(
            encoder, {name: [_voice(e, next(rows)) for e in known] for name, known in people}
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(path, f"{type(error).__name__}: {error}", "a voice book") from None


def _name(stored: str) -> str:
    try:
        return checked_name(stored)
    except DataError as error:
        raise ValueError(str(error)) from None


def _voice(stored: dict[str, Any], row: np.ndarray) -> Voice:
    return Voice(str(stored["file"]), str(stored["sha256"]), float(stored["seconds"]), row)


def _matrix(folder: Path, stored: dict[str, Any], count: int) -> np.ndarray:
    """The checked embeddings `(count, E)` of a book."""
    if not TENSOR_FILE.fullmatch(stored["file"]):
        raise ValueError(f"a tensor file called {stored['file']!r}")
    path = folder / stored["file"]
    content = _bytes(path, f"the tensor file that {BOOK} names")
    if hashlib.sha256(content).hexdigest() != stored["sha256"]:
        found = f"{len(content)} bytes with another checksum than {BOOK} says"
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
        raise DataError(path, f"embeddings of shape {matrix.shape}", f"{shape} of {count} voices")
    if not np.isfinite(matrix).all():
        raise DataError(path, "NaN or infinity among its embeddings", "numbers")
    return matrix


def _bytes(path: Path, expected: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "no file", expected) from None
    except OSError as error:
        raise DataError(path, (error.strerror or str(error)).lower(), expected) from error
