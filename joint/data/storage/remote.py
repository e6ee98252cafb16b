"""Download files into a local cache: once, whole, and checked."""

import fcntl
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from joint.errors import DataError
from joint.files import WRITABLE, atomic_path
from joint.units import Seconds

TIMEOUT: Seconds = 30.0
PAUSES: tuple[Seconds, ...] = (0.5, 2.0, 8.0)
"""Pauses before further attempts, which resume where the last one was interrupted."""
CHUNK = 1 << 20
SMALL = 1 << 26
REACHABLE = "a server that can be reached"


def as_url(where: str | Path) -> str | None:
    """The URL that `where` is, without a slash behind, or None.

    A command line's Path has lost one of a URL's slashes; it is put back.
    """
    found = re.fullmatch("(https?):/{1,2}([^/].*?)/*", str(where))
    return f"{found[1]}://{found[2]}" if found else None


def read_small(url: str) -> bytes:
    """All of a small file, at once and uncached. Raises DataError."""
    content = b""
    try:
        for chunk in _chunks(url, 0):
            content += chunk
            if len(content) > SMALL:
                raise DataError(url, f"more than {SMALL} bytes", "a small file")
    except (OSError, HTTPException) as error:
        raise DataError(url, reason(error), REACHABLE) from None
    return content


def fetch(url: str, target: Path, size: int, sha256: str) -> None:
    """Download `url` to `target` unless it exists: whole and checked, or not at all.

    An interrupted transfer is resumed a few times; of several processes one downloads and the
    others wait. Memory holds a megabyte. Raises DataError with the URL where the server cannot
    be reached or gives another file.
    """
    if _is_there(target, size):
        return
    with _alone(target):
        if not _is_there(target, size):
            with atomic_path(target) as partial:
                _transfer(url, partial, size, sha256)


def reason(error: Exception) -> str:
    """A short description of an error."""
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    inner = getattr(error, "reason", None) or error
    text = getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
    return text[:1].lower() + text[1:]


def _transfer(url: str, partial: Path, size: int, sha256: str) -> None:
    digest, got, problem = hashlib.sha256(), 0, ""
    with partial.open("wb") as file:
        for pause in (0.0, *PAUSES):
            time.sleep(pause)
            problem = ""
            try:
                for chunk in _chunks(url, got):
                    digest.update(chunk)
                    got += len(chunk)
                    if got > size:
                        raise DataError(url, f"more than {size} bytes", "the file of the index")
                    _write(file, chunk, partial)
            except HTTPError as error:
                if error.code < 500:
                    raise DataError(url, reason(error), "a file of the index") from None
                problem = reason(error)
            except (OSError, HTTPException) as error:
                problem = reason(error)
            if got == size:
                break
    if got < size:
        found = f"{got} of {size} bytes" + (f" ({problem})" if problem else "")
        raise DataError(url, found, "the whole file")
    if digest.hexdigest() != sha256:
        raise DataError(url, f"SHA-256 {digest.hexdigest()[:12]}…", f"{sha256[:12]}… of the index")


def _write(file: BinaryIO, chunk: bytes, partial: Path) -> None:
    """Write, telling a full disk from a broken connection."""
    try:
        file.write(chunk)
    except OSError as error:
        raise DataError(partial.parent, error.strerror or str(error), "room for it") from error


def _chunks(url: str, start: int) -> Iterator[bytes]:
    """The bytes of `url` from `start` on, whether the server knows ranges or not."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:
        to_skip = start if response.status == 200 else 0
        while chunk := response.read(CHUNK):
            skipped = min(to_skip, len(chunk))
            to_skip -= skipped
            if chunk := chunk[skipped:]:
                yield chunk


def _is_there(target: Path, size: int) -> bool:
    return target.is_file() and target.stat().st_size == size


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let one process at a time download this target."""
    lock = target.with_name(f".{target.name}.lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise DataError(lock.parent, error.strerror or str(error), WRITABLE) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
