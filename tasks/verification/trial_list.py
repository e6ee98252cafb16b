"""Lists of trials in text, read as fast as ten million lines ask for."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise, repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from joint.errors import DataError

LABELS = {b"1": 1, b"0": 0, b"target": 1, b"nontarget": 0}
EXPECTED = "LABEL UTT1 UTT2, LABEL 0 or 1"
BLOCK = 1 << 24
"""Bytes of a list that are split at once."""
SHARED = 1 << 26
"""Lists of more bytes than this are read by several processes."""
END = b"\0"


@dataclass(frozen=True)
class TrialList:
    """`labels (T,)`, 1 = same speaker; `sides (T, 2)` int32, positions of both utterances in
    `names`, which has each once, in order of first appearance."""

    names: list[bytes]
    labels: np.ndarray
    sides: np.ndarray


def read_list(path: Path) -> TrialList:
    """Read `LABEL UTT1 UTT2` lines (1 or `target` = same speaker, 0 or `nontarget`).

    Raises DataError for a file that cannot be read or is not text, and for a malformed line.
    """
    limits = _limits(path)
    if len(limits) == 2:
        return _read(path, *limits)
    try:
        # fork, as data loaders do: what runs there needs neither torch nor a thread
        with ProcessPoolExecutor(len(limits) - 1, get_context("fork")) as pool:
            return _joined(
                list(pool.map(_read, repeat(path), *zip(*pairwise(limits), strict=True)))
            )
    except DataError:  # once more in one piece, which knows the line's number
        return _read(path, limits[0], limits[-1])


def _limits(path: Path) -> list[int]:
    """Where parts of the file begin, each with a line, and where the last ends."""
    try:
        size = path.stat().st_size
        parts = min(os.cpu_count() or 1, 1 + size // SHARED)
        limits = [0]
        with path.open("rb") as file:
            for part in range(1, parts):
                file.seek(part * size // parts)
                file.readline()
                limits.append(file.tell())
        return [*limits, size]
    except OSError as error:
        raise DataError(path, error.strerror or "an unreadable file", "a trials file") from error


def _read(path: Path, begin: int, end: int) -> TrialList:
    """The lines from byte `begin` on, and before `end`."""
    position = _Positions()
    labels, sides, line = [np.zeros(0, np.int8)], [np.zeros(0, np.int32)], 1
    for block in _blocks(path, begin, end):
        words = _words(block, path, line)
        labels.append(np.fromiter(map(LABELS.__getitem__, words[::4]), np.int8))
        del words[3::4], words[::3]
        sides.append(np.fromiter(map(position.__getitem__, words), np.int32))
        line += block.count(b"\n")
    return TrialList(list(position), np.concatenate(labels), np.concatenate(sides).reshape(-1, 2))


def _joined(parts: Sequence[TrialList]) -> TrialList:
    """Parts of one list, one after the other."""
    position = _Positions()
    sides = []
    for part in parts:
        table = np.fromiter(map(position.__getitem__, part.names), np.int32, len(part.names))
        sides.append(table[part.sides])
    labels = np.concatenate([part.labels for part in parts])
    return TrialList(list(position), labels, np.concatenate(sides))


def _blocks(path: Path, begin: int, end: int) -> Iterator[bytes]:
    """Blocks of whole lines."""
    with path.open("rb") as file:
        file.seek(begin)
        while file.tell() < end:
            block = file.read(min(BLOCK, end - file.tell()))
            if not block.endswith(b"\n"):
                block += file.readline()
            yield block if block.endswith(b"\n") else block + b"\n"


def _words(block: bytes, path: Path, line: int) -> list[bytes]:
    """Label, two utterances and `END` of each line that is not empty; the block begins with line
    `line`.

    All lines are split at once, with a word for their ends: ten million one by one take longer
    than all the rest.
    """
    words = block.replace(b"\n", b" " + END + b"\n").split()
    if set(words[3::4]) == {END} and set(words[::4]) <= LABELS.keys() and len(words) % 4 == 0:
        return words
    words = []
    for number, text in enumerate(block.splitlines(), start=line):
        parts = text.split()
        if parts and (len(parts) != 3 or parts[0] not in LABELS):
            raise DataError(f"{path}:{number}", repr(as_text(text, path)[:80]), EXPECTED)
        words += [*parts, END] if parts else []
    return words


class _Positions(dict[bytes, int]):
    """Numbers for names, in the order in which they are met."""

    def __missing__(self, name: bytes) -> int:
        position = self[name] = len(self)
        return position


def as_text(line: bytes, path: Path) -> str:
    """UTF-8 as text. Raises DataError."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not text", "lines of LABEL UTT1 UTT2") from None
