"""Files that are either whole or not there: write beside the place, then move into it."""

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from joint.errors import DataError, JointError

WRITABLE = "a place that can be written, with enough room"

LONGEST_NAME = 200
"""Bytes of the name of a file, without its ending; most file systems take 255 with it."""


def check_file(path: str | Path, endings: Sequence[str] = ()) -> None:
    """Raise JointError where `path` cannot be written as a file.

    That is a folder, a device or pipe, an ending (`.npz`) that is not among `endings` where these
    are given, and whatever `check_folder` refuses in the folder of `path`.
    """
    path = Path(path)
    if path.is_dir() or path.name in ("", ".."):
        raise JointError(path, "a folder", "a file that can be written")
    if path.exists() and not path.is_file():
        raise JointError(path, "a device or pipe", "a regular file that can be written")
    if endings and path.suffix.lower() not in endings:
        raise JointError(path, f"the ending {path.suffix!r}", " or ".join(endings))
    check_folder(path.parent)


def check_folder(path: str | Path) -> None:
    """Raise JointError where `path` is no folder in which files can be written, and cannot become
    one: it or a folder above it is a file, or may not be written."""
    path = Path(path)
    # A link that leads nowhere is there, and no folder can be made in its place.
    there = next((p for p in (path, *path.parents) if os.path.lexists(p)), path)
    if not there.is_dir():
        raise JointError(path, f"{there}, which is not a folder", WRITABLE)
    if not os.access(there, os.W_OK | os.X_OK):
        raise JointError(path, f"no permission to write in {there}", WRITABLE)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path with the ending of `path`, moved to `path` when the block ends well.

    Whatever the block leaves half-written is removed and a former file stays as it was; missing
    folders are made. Raises `JointError` as `check_file`, and where the system refuses to write.
    """
    path = Path(path)
    check_file(path)
    # Same folder, so that the move stays on one file system and is one step.
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise JointError(path, error.strerror or str(error), WRITABLE) from error
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # A folder that cannot be reached holds nothing of ours; its error was raised already.
        return


def atomic_write(path: str | Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `path` at once; raises `JointError` as `atomic_path`."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def checksum(path: Path) -> str:
    """The checksum of a file that results depend on."""
    return f"{crc32(path.read_bytes()):08x}"


def write_json(path: str | Path, values: Mapping[str, Any]) -> None:
    """Write `values` as JSON, atomically; a number that is not finite is null."""
    atomic_write(path, json.dumps(plain(values), indent=2, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """NumPy scalars as Python's and numbers that are not finite as None, in mappings and lists
    too, so that any JSON reader accepts them."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def refuse_extra_fields(where: str, record: Mapping[Any, Any]) -> None:
    """Raise DataError where a record of a `csv.DictReader` has more fields than the header."""
    if None in record:
        columns = len(record) - 1
        found = f"{columns + len(record[None])} fields"
        raise DataError(where, found, f"{columns}, one for each column of the header")


def file_name(name: str) -> str:
    """`name` as that of a file: %XX for what no name of a file may have, or hides it, and the start
    of a longer one than file systems take, with a checksum."""
    plain = re.sub(r'^\.|[%/\\:*?"<>|]', lambda found: f"%{ord(found[0]):02X}", name)
    if len(os.fsencode(plain)) <= LONGEST_NAME:
        return plain
    start = os.fsencode(plain)[: LONGEST_NAME - 9].decode("utf-8", "ignore")
    return f"{start}-{crc32(os.fsencode(name)):08x}"


def readable(name: str) -> str:
    """A file's name as text, with U+FFFD for its bytes that are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_lines(path: str | Path, expected: str = "lines of UTF-8 text") -> Iterator[str]:
    """The lines of a text file, one at a time, which end at `\\n` or `\\r\\n` and nowhere else.

    A byte order mark is skipped; U+2028, U+0085 and form feeds stay within their line. Raises
    DataError, with `expected`, for a file that cannot be read or is not UTF-8.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="\n") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):  # it may have no end
                raise DataError(path, "a device", expected)
            for line in file:
                yield line.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        where = line_not_utf8(Path(path))
        raise DataError(where, "bytes that are not UTF-8", expected) from error
    except OSError as error:
        raise DataError(
            path, f"an unreadable file ({error.strerror or error})", expected
        ) from error


def line_not_utf8(path: Path) -> str:
    """`path:line` of the first line that is not UTF-8; the path alone where every line is."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"{path}:{number}"
    return str(path)
