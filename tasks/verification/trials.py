"""A list of verification trials: pairs of utterances, and whether one person spoke both."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from joint.data.kaldi import KaldiFolder
from joint.data.trials import LABELS as TRIAL_LABELS
from joint.errors import DataError
from tasks.verification.metrics import one_class

LABELS = {word.encode(): label for word, label in TRIAL_LABELS.items()}
EXPECTED = "LABEL UTT1 UTT2, LABEL 0 or 1"
BLOCK = 1 << 24
"""Bytes of a trials file that are read at once."""
END = b"\0"


@dataclass(frozen=True)
class Trials:
    """Trials of one file: `labels (T,)` bool, True = same speaker; `first` and `second (T,)` int32,
    positions of the utterances of either side in `names`, which has each once, in order of first
    appearance. Ten million take 90 MB.
    """

    path: Path
    labels: np.ndarray
    names: list[str]
    first: np.ndarray
    second: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def load(cls, path: Path | str) -> "Trials":
        """Read `LABEL UTT1 UTT2` lines (1 or `target` = same speaker, 0 or `nontarget`).

        Raises DataError for a file that is missing, empty or not text, for a malformed line, and
        for trials of one class only.
        """
        path = Path(path)
        position = _Positions()
        labels, sides, line = [], [], 1
        for block in _blocks(path):
            words = _words(block, path, line)
            labels.append(np.fromiter(map(LABELS.__getitem__, words[::4]), np.int8))
            del words[3::4], words[::3]
            sides.append(np.fromiter(map(position.__getitem__, words), np.int32))
            line += block.count(b"\n")
        names = [_text(name, path) for name in position]
        pairs = np.concatenate([np.zeros(0, np.int32), *sides]).reshape(-1, 2)
        trials = cls(
            path,
            np.concatenate([np.zeros(0, np.int8), *labels]).astype(bool),
            names,
            np.ascontiguousarray(pairs[:, 0]),
            np.ascontiguousarray(pairs[:, 1]),
        )
        if trials.labels.all() or not trials.labels.any():
            raise DataError(path, one_class(trials.labels), "target and non-target trials")
        return trials

    def check(self, folder: KaldiFolder) -> None:
        """Raise DataError where a trial names an utterance that the folder lacks."""
        for position, name in enumerate(self.names):
            if name not in folder.utterances:
                met = (self.first == position) | (self.second == position)
                where = f"{self.path}, trial {int(np.argmax(met)) + 1}"
                raise DataError(where, f"unknown utterance {name}", "one of wav.scp")

    def keep(self, kept: np.ndarray) -> "Trials":
        """The trials where `kept (T,)` is True, or those at these positions; `names` stays."""
        return replace(
            self, labels=self.labels[kept], first=self.first[kept], second=self.second[kept]
        )

    def present(self, rows: Mapping[str, int]) -> np.ndarray:
        """Whether both utterances of a trial are among `rows`: `(T,)` bool."""
        there = np.array([name in rows for name in self.names], dtype=bool)
        both: np.ndarray = there[self.first] & there[self.second]
        return both

    def positions(self, rows: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of both sides of every trial, `(T,)` each; −1 for one that `rows` lacks."""
        row = np.array([rows.get(name, -1) for name in self.names], dtype=np.int64)
        return row[self.first], row[self.second]


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks of whole lines."""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                block += file.readline()
                yield block if block.endswith(b"\n") else block + b"\n"
    except OSError as error:
        raise DataError(path, error.strerror or "an unreadable file", "a trials file") from error


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
            raise DataError(f"{path}:{number}", repr(_text(text, path)[:80]), EXPECTED)
        words += [*parts, END] if parts else []
    return words


class _Positions(dict[bytes, int]):
    """Numbers for names, in the order in which they are met."""

    def __missing__(self, name: bytes) -> int:
        position = self[name] = len(self)
        return position


def _text(line: bytes, path: Path) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not text", "lines of LABEL UTT1 UTT2") from None
