"""A list of verification trials: pairs of utterances, and whether one person spoke both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint.data.kaldi import KaldiFolder
from joint.errors import DataError
from tasks.verification.metrics import one_class

LABELS = {"1": True, "0": False, "target": True, "nontarget": False}


@dataclass(frozen=True)
class Trials:
    """Trials of one file: `labels (T,)` bool, True = same speaker; `first` and `second` T ids."""

    path: Path
    labels: np.ndarray
    first: list[str]
    second: list[str]

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def load(cls, path: Path | str) -> "Trials":
        """Read `LABEL UTT1 UTT2` lines (1 or `target` = same speaker, 0 or `nontarget`).

        Raises DataError for a file that is missing, empty or not text, for a malformed line, and
        for trials of one class only.
        """
        path = Path(path)
        labels: list[bool] = []
        first: list[str] = []
        second: list[str] = []
        for number, line in enumerate(_lines(path), start=1):
            parts = line.split()
            if not parts:
                continue
            if len(parts) != 3 or parts[0] not in LABELS:
                raise DataError(
                    f"{path}:{number}", repr(line[:80]), "LABEL UTT1 UTT2, LABEL 0 or 1"
                )
            labels.append(LABELS[parts[0]])
            first.append(parts[1])
            second.append(parts[2])
        trials = cls(path, np.array(labels, dtype=bool), first, second)
        if trials.labels.all() or not trials.labels.any():
            raise DataError(path, one_class(trials.labels), "target and non-target trials")
        return trials

    def check(self, folder: KaldiFolder) -> None:
        """Raise DataError where a trial names an utterance that the folder lacks."""
        for number, pair in enumerate(zip(self.first, self.second, strict=True), start=1):
            for utterance in pair:
                if utterance not in folder.utterances:
                    where = f"{self.path}, trial {number}"
                    raise DataError(where, f"unknown utterance {utterance}", "one of wav.scp")

    def utterances(self) -> list[str]:
        """Every utterance that a trial names, once, in order of first appearance."""
        return list(dict.fromkeys([*self.first, *self.second]))

    def keep(self, positions: Iterable[int]) -> "Trials":
        """The trials at these positions."""
        kept = np.fromiter(positions, dtype=np.int64)
        return Trials(
            self.path,
            self.labels[kept],
            [self.first[i] for i in kept],
            [self.second[i] for i in kept],
        )

    def positions(self, rows: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray]:
        """The rows of both sides of every trial, `(T,)` each."""
        first = np.array([rows[name] for name in self.first], dtype=np.int64)
        return first, np.array([rows[name] for name in self.second], dtype=np.int64)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(path, error.strerror or "an unreadable file", "a trials file") from error
    except UnicodeDecodeError as error:
        raise DataError(path, "bytes that are not text", "lines of LABEL UTT1 UTT2") from error
