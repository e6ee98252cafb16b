"""A list of verification trials: pairs of utterances, and whether one person spoke both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from joint.data.kaldi import KaldiFolder
from joint.errors import DataError
from tasks.verification.metrics import one_class
from tasks.verification.trial_list import as_text, read_list


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
        listed = read_list(path)
        names = [as_text(name, path) for name in listed.names]
        first, second = (np.ascontiguousarray(side) for side in listed.sides.T)
        trials = cls(path, listed.labels.astype(bool), names, first, second)
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
