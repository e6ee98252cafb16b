"""One run of a grid from its recipe to its figures, and several of them side by side."""

import csv
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
from analysis.probing.transfer import phone_content
from joint.app.api import SpeakerModel, load
from joint.app.checkpoints import named_checkpoint
from joint.app.measuring_recognition import run_recognition
from joint.data.corpus import Corpus
from joint.data.opening import find_list
from joint.errors import DataError, JointError
from joint.experiments.ablation import Run
from joint.metrics.bootstrap import TrialSpeakers, change_of_eer, drawn_eers
from joint.training.config import DataConfig
from joint.training.run import train
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.phonetics.evaluate import evaluate_phones
from tasks.phonetics.select import frame_heads
from tasks.recognition.conversations.lists import Conversations
from tasks.recognition.task import RecognitionTask
from tasks.verification.embedding import Embed, embed_corpus
from tasks.verification.evaluate import evaluate_embedded, write_scores
from tasks.verification.trials import Trials

MIXTURES, CONVERSATIONS = "mix2_extraction.csv", "mix2_recognition.csv"
OF_EXTRACTION = ("si_sdr_improvement_db", "wrong_speaker_share")


@dataclass(frozen=True)
class TestSet:
    """Recordings, trials of them, and mixtures and conversations where there are any."""

    corpus: Corpus
    trials: Trials
    mixtures: MixtureList | None
    conversations: Path | None

    @classmethod
    def load(cls, path: str | Path, phones: bool = False) -> "TestSet":
        """The corpus in a folder or at a URL, with `trials`, and with `mix2_extraction.csv` and
        `mix2_recognition.csv` where there are such.

        Raises DataError, also where there are no `phones` though they are needed.
        """
        corpus, listed = Corpus.load(path), find_list(path, "trials")
        if listed is None:
            raise DataError(path, "no list 'trials'", "lines LABEL UTT1 UTT2 beside the corpus")
        trials = Trials.load(listed)
        trials.check(corpus)
        if phones and not corpus.phones:
            raise DataError(path, "no phones", "a prepared folder that 'joint align' has seen")
        mixtures = None
        if (listed := find_list(path, MIXTURES)) is not None:
            mixtures = MixtureList.load(listed)
            mixtures.check(corpus)
        conversations = find_list(path, CONVERSATIONS)
        if conversations is not None:
            Conversations.load(conversations).check(corpus)
        return cls(corpus, trials, mixtures, conversations)


def measure(run: Run, test: TestSet) -> dict[str, Any]:
    """Train what there is not yet of the run, evaluate it on `test`, keep its figures."""
    model = load(train(run.recipe, resume=run.started, find=named_checkpoint))
    info, clock = model.info(), Timed(model.embed)
    embedded = embed_corpus(clock, test.corpus)
    verified, kept, scores = evaluate_embedded(embedded, test.corpus, test.trials)
    write_scores(run.scores, kept, scores)
    figures = {
        "encoder_million_parameters": info["parameters"]["encoder"] / 1e6,
        "thousand_scenes_trained": info["trained"]["scenes"] / 1e3,
        **verified,
    }
    figures["embeddings_per_second"] = len(embedded.names) / clock.seconds
    if "extraction" in model.model.tasks and test.mixtures is not None:
        figures |= evaluate_extraction(model.extract, test.corpus, test.mixtures, perceptual=False)
    recognises = any(isinstance(head, RecognitionTask) for head in model.model.tasks.values())
    if recognises and test.conversations is not None:
        figures |= run_recognition(model, test.corpus, test.conversations)[0]
    if run.config.get("init"):
        start = load(run.config.init[0])
        before = after = embedded.embeddings
        if start.identity.fingerprint != model.identity.fingerprint:
            before = embed_corpus(start.embed, test.corpus).embeddings
        figures |= embedding_drift(before, after)
    if run.probe_layer is not None and test.corpus.phones:
        figures |= phones_in(model, run, test.corpus)
    if run.downstream is not None:
        later = run.downstream.figures() or measure(run.downstream, test)
        figures |= {key: later[key] for key in OF_EXTRACTION if key in later}
    numbers = {key: value for key, value in figures.items() if not isinstance(value, dict | str)}
    run.keep(numbers)
    return numbers


def phones_in(model: SpeakerModel, run: Run, test: Corpus) -> dict[str, float]:
    """What the model's frame-level head, and probes of any model, find of the phones of `test`."""
    assert run.probe_layer is not None
    figures = {}
    for name, head in frame_heads(model.model).items():
        known = tuple(model.metadata["phones"])
        view = model.model.view(name)
        found = evaluate_phones(head, view, test, known, model.precision, progress=False)
        figures["phone_head_percent"] = found["spoken_accuracy_percent"]
    data = run.config.data
    train = Corpus.load(data.train, data.get("shards", DataConfig.shards))
    layer = run.probe_layer
    return figures | phone_content(model.model.encoder, train, test, layer, model.precision)


class Timed:
    """`embed` with the `seconds` that it took so far."""

    def __init__(self, embed: Embed) -> None:
        self.embed, self.seconds = embed, 0.0

    def __call__(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        begin = time.perf_counter()
        embeddings = self.embed(waveforms)
        self.seconds += time.perf_counter() - begin
        return embeddings


class Changes:
    """How EERs change between the finished runs of a grid; of each run the draws are kept."""

    def __init__(self, corpus: Corpus) -> None:
        self.people = {u.id: u.speaker for u in corpus.utterances}
        self.drawn: dict[Path, np.ndarray] = {}

    def of(self, runs: Sequence[Run]) -> dict[str, str]:
        """The change of each variant against its baseline, over the seeds that both have."""
        scores = {(run.variant, run.seed): run.scores for run in runs if run.scores.is_file()}
        found = {}
        for variant, baseline in dict.fromkeys((run.variant, run.baseline) for run in runs):
            seeds = [s for name, s in scores if name == variant and (baseline, s) in scores]
            if baseline is None or variant == baseline or not seeds:
                continue
            before, after = (
                [self._eers(scores[name, s]) for s in seeds] for name in (baseline, variant)
            )
            found[variant] = str(change_of_eer(before, after))
        return found

    def _eers(self, path: Path) -> np.ndarray:
        """The `drawn_eers` of a table of scores."""
        if path not in self.drawn:
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            number = {speaker: i for i, speaker in enumerate(sorted(set(self.people.values())))}
            first, second = (
                np.array([number[self.people[row[key]]] for row in rows])
                for key in ("utt1", "utt2")
            )
            labels = np.array([int(row["label"]) for row in rows])
            scores = np.array([float(row["score"]) for row in rows])
            self.drawn[path] = drawn_eers(scores, TrialSpeakers(labels, first, second))
        return self.drawn[path]


def side_by_side(
    runs: Sequence[Run], test: TestSet, jobs: int
) -> Iterator[tuple[Run, dict[str, Any] | JointError]]:
    """Measure `runs`, `jobs` at a time, each with its share of the cores; yields what each gave as
    it ends, also where that is an error. What a run prints is in its folder."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    # a process of its own for each run: what one held in memory is not there for the next
    with ProcessPoolExecutor(
        jobs, get_context("spawn"), torch.set_num_threads, (threads,), max_tasks_per_child=1
    ) as pool:
        pending = {pool.submit(_logged, run, test): run for run in runs}
        for done in as_completed(pending):
            yield pending[done], done.result()


def _logged(run: Run, test: TestSet) -> dict[str, Any] | JointError:
    with (run.folder / "training.log").open("a") as log, redirect_stdout(log):
        try:
            return measure(run, test)
        except JointError as error:
            return error
