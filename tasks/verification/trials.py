"""A list of verification trials: pairs of utterances, and whether one speaker spoke both."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
from pyarrow import csv

from joint.data.corpus import Corpus
from joint.data.opening import find_list
from joint.data.prepare.trials import LABELS
from joint.errors import DataError
from joint.metrics.detection import one_class

EXPECTED = "LABEL UTT1 UTT2, LABEL 0 or 1"
SIDES = ("label", "first", "second")
BLOCK = 1 << 24
"""Bytes of a list that one core parses at once."""


@dataclass(frozen=True)
class Trials:
    """The trials of one file: `labels (T,)` bool, True for one speaker; `first` and `second (T,)`
    int32, the positions of both sides' utterances in `names`. Ten million trials take 90 MB.
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
        words = _words(path)
        labels = np.array([LABELS[label] for label in words[0].names], dtype=bool)
        names = dict.fromkeys([*words[1].names, *words[2].names])
        position = {name: index for index, name in enumerate(names)}
        first, second = (
            np.array([position[name] for name in side.names], dtype=np.int32)[side.positions]
            for side in words[1:]
        )
        trials = cls(path, labels[words[0].positions], list(names), first, second)
        if trials.labels.all() or not trials.labels.any():
            raise DataError(path, one_class(trials.labels), "target and non-target trials")
        return trials

    def check(self, corpus: Corpus) -> None:
        """Raise DataError for a trial with an utterance that is not in the corpus."""
        for position, name in enumerate(self.names):
            if name not in corpus.by_id:
                used = (self.first == position) | (self.second == position)
                where = f"{self.path}, trial {int(np.argmax(used)) + 1}"
                raise DataError(where, f"unknown utterance {name}", f"one of {corpus.where}")

    def keep(self, kept: np.ndarray) -> "Trials":
        """The trials where `kept (T,)` is True, or at these positions, with the same `names`."""
        return replace(
            self, labels=self.labels[kept], first=self.first[kept], second=self.second[kept]
        )

    def present(self, rows: Mapping[str, int]) -> np.ndarray:
        """Whether both utterances of each trial are in `rows`, `(T,)` bool."""
        there = np.array([name in rows for name in self.names], dtype=bool)
        both: np.ndarray = there[self.first] & there[self.second]
        return both

    def positions(self, rows: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of both sides of every trial, `(T,)` each; −1 for utterances not in `rows`."""
        row = np.array([rows.get(name, -1) for name in self.names], dtype=np.int64)
        return row[self.first], row[self.second]


class _Column(NamedTuple):
    """One word of every line: the distinct `names`, and each line's `positions (T,)` in them."""

    names: list[str]
    positions: np.ndarray


def _words(path: Path) -> list[_Column]:
    """Label, first and second utterance of each line. Arrow parses ten million lines on all cores,
    but only with single blanks between words; other lists are normalised first.
    """
    try:
        with pyarrow.memory_map(str(path)) as file:
            return _columns(file)
    except pyarrow.ArrowInvalid:
        return _columns(pyarrow.py_buffer(_normalised(path)))
    except OSError as error:
        raise DataError(path, error.strerror or "an unreadable file", "a trials file") from error


def _columns(source: pyarrow.NativeFile | pyarrow.Buffer) -> list[_Column]:
    """Raises ArrowInvalid for a line other than a label and two names, single blanks between."""
    word = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    table = csv.read_csv(
        source,
        csv.ReadOptions(column_names=SIDES, block_size=BLOCK),
        csv.ParseOptions(delimiter=" ", quote_char=False),
        csv.ConvertOptions(column_types=dict.fromkeys(SIDES, word)),
    ).unify_dictionaries()
    columns = []
    for side in SIDES:
        chunks = table[side].chunks
        names = chunks[0].dictionary.to_pylist() if chunks else []
        if (side == "label" and not LABELS.keys() >= set(names)) or any(
            name.split() != [name] for name in names
        ):
            raise pyarrow.ArrowInvalid(f"not a {side}")
        # to_numpy would import pandas where it is installed, which takes longer than the list
        positions = [np.from_dlpack(chunk.indices) for chunk in chunks]
        columns.append(_Column(names, np.concatenate([np.zeros(0, np.int32), *positions])))
    return columns


def _normalised(path: Path) -> bytes:
    """The lines that are not empty, with single blanks between words."""
    lines = []
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    for number, line in enumerate(content.splitlines(), start=1):
        words = _text(line, f"{path}:{number}").split()
        if words and (len(words) != 3 or words[0] not in LABELS):
            raise DataError(f"{path}:{number}", repr(" ".join(words)[:80]), EXPECTED)
        lines += [" ".join(words)] if words else []
    if not lines:
        raise DataError(path, "no trials", "target and non-target trials")
    return "\n".join(lines).encode()


def _text(line: bytes, where: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(where, "bytes that are not UTF-8", "lines of LABEL UTT1 UTT2") from None


def listed_trials(folder: str | Path) -> Trials:
    """The trials of a prepared folder. Raises DataError where it has none."""
    if (listed := find_list(folder, "trials")) is None:
        raise DataError(folder, "no list 'trials'", "lines LABEL UTT1 UTT2 beside the corpus")
    return Trials.load(listed)
