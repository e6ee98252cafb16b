"""One run of a grid from its recipe to its figures, and several of them side by side."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.drift import embedding_drift
from joint.api import load
from joint.data.kaldi import KaldiFolder
from joint.errors import JointError
from joint.grid import Run
from joint.training import train
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.verification.embedding import Embed, embed_folder
from tasks.verification.evaluate import evaluate_verification
from tasks.verification.trials import Trials

MIXTURES = "mix2_extraction.csv"


@dataclass(frozen=True)
class TestSet:
    """Recordings, the trials of them, and mixtures where there are any."""

    folder: KaldiFolder
    trials: Trials
    mixtures: MixtureList | None

    @classmethod
    def load(cls, path: Path) -> "TestSet":
        """The folder's tables, `trials`, and `mix2_extraction.csv` where there is one. Raises
        DataError."""
        folder, trials = KaldiFolder.load(path), Trials.load(path / "trials")
        trials.check(folder)
        if not (path / MIXTURES).is_file():
            return cls(folder, trials, None)
        mixtures = MixtureList.load(path / MIXTURES)
        mixtures.check(folder)
        return cls(folder, trials, mixtures)


def measure(run: Run, test: TestSet) -> dict[str, Any]:
    """Train what there is not yet of the run, evaluate it on `test`, keep its figures."""
    model = load(train(run.recipe, resume=run.begun))
    info, clock = model.info(), Timed(model.embed)
    figures = {
        "encoder_million_parameters": info["parameters"]["encoder"] / 1e6,
        "thousand_scenes_trained": info["trained"]["scenes"] / 1e3,
        **evaluate_verification(clock, test.folder, test.trials, progress=False),
    }
    figures["embeddings_per_second"] = figures["utterances"] / clock.seconds
    if "extraction" in model.model.tasks and test.mixtures is not None:
        figures |= evaluate_extraction(model.extract, test.folder, test.mixtures, perceptual=False)
    if run.config.get("init"):
        start = load(run.config.init[0])
        before, after = (embed_folder(m.embed, test.folder).embeddings for m in (start, model))
        figures |= embedding_drift(before, after)
    kept = {key: value for key, value in figures.items() if not isinstance(value, dict)}
    run.keep(kept)
    return kept


class Timed:
    """`embed` with the `seconds` that it took so far."""

    def __init__(self, embed: Embed) -> None:
        self.embed, self.seconds = embed, 0.0

    def __call__(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        begin = time.perf_counter()
        embeddings = self.embed(waveforms)
        self.seconds += time.perf_counter() - begin
        return embeddings


def side_by_side(
    runs: Sequence[Run], test: TestSet, jobs: int
) -> Iterator[tuple[Run, dict[str, Any] | JointError]]:
    """Measure `runs`, `jobs` at a time, each with its share of the cores; yields what each gave as
    it ends, also where that is an error. What a run prints is in its folder."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (threads,)) as pool:
        pending = {pool.submit(_logged, run, test): run for run in runs}
        for done in as_completed(pending):
            yield pending[done], done.result()


def _logged(run: Run, test: TestSet) -> dict[str, Any] | JointError:
    with (run.folder / "training.log").open("a") as log, redirect_stdout(log):
        try:
            return measure(run, test)
        except JointError as error:
            return error
