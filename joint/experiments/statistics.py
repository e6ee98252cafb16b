"""Changes between the runs of a grid, with their confidence intervals."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import DataError
from joint.experiments.ablation import Run
from joint.metrics.bootstrap import Change, TrialSpeakers, change_of_eer, drawn_eers


class EerChanges:
    """How EERs change between the finished runs of a grid; the bootstrap of each run is kept."""

    def __init__(self, corpus: Corpus) -> None:
        self.speaker_of = {u.id: u.speaker for u in corpus.utterances}
        self.where = corpus.where
        self.drawn: dict[Path, np.ndarray] = {}

    def between(self, runs: Sequence[Run]) -> dict[str, str]:
        """The change of each variant against its baseline, over the seeds that both have,
        whose number stands behind the interval: see `joint.metrics.bootstrap`."""
        scores = {(run.variant, run.seed): run.scores for run in runs if run.scores.is_file()}
        found = {}
        for variant, baseline in dict.fromkeys((run.variant, run.baseline) for run in runs):
            seeds = [s for name, s in scores if name == variant and (baseline, s) in scores]
            if baseline is None or variant == baseline or not seeds:
                continue
            before, after = ([scores[name, s] for s in seeds] for name in (baseline, variant))
            number = f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed: speakers only"
            found[variant] = f"{self.change(before, after)} ({number})"
        return found

    def check(self, runs: Sequence[Run]) -> None:
        """Raises DataError where scores that will be compared are of other recordings: before hours
        of training."""
        for run in runs:
            if run.baseline is not None and run.scores.is_file():
                self._eers(run.scores)

    def change(self, before: Sequence[Path], after: Sequence[Path]) -> Change:
        """From some tables of scores to others, in pairs: see `change_of_eer`."""
        return change_of_eer([*map(self._eers, before)], [*map(self._eers, after)])

    def _eers(self, path: Path) -> np.ndarray:
        """The `drawn_eers` of a table of scores. Raises DataError."""
        if path not in self.drawn:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            number = {speaker: i for i, speaker in enumerate(sorted(set(self.speaker_of.values())))}
            for row in rows:
                if unknown := {row["utt1"], row["utt2"]} - self.speaker_of.keys():
                    raise DataError(path, f"utterance {min(unknown)}", f"those of {self.where}")
            first, second = (
                np.array([number[self.speaker_of[row[key]]] for row in rows])
                for key in ("utt1", "utt2")
            )
            labels = np.array([int(row["label"]) for row in rows])
            scores = np.array([float(row["score"]) for row in rows])
            self.drawn[path] = drawn_eers(scores, TrialSpeakers(labels, first, second))
        return self.drawn[path]
