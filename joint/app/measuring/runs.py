"""One run of a grid, from its recipe to its figures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from analysis.drift import embedding_drift
from analysis.probing.transfer import phone_content
from joint.app.api import SpeakerModel, load
from joint.app.measuring.encoders import encoder_figures
from joint.app.measuring.recognition import run_recognition
from joint.app.measuring.voices import VOICES, files_of, own_vocoder, voice_figures
from joint.data.corpus import Corpus
from joint.data.opening import find_list, open_corpus
from joint.errors import DataError
from joint.experiments.ablation import Run
from joint.experiments.finished import FOLDER
from joint.experiments.measures import MeasuresConfig
from joint.experiments.shared import SharedFigures
from joint.files import checksum
from joint.training.config.schema import DataConfig
from joint.training.corpora import open_corpora
from joint.training.run import train
from pretrained.names import named_checkpoint
from tasks.extraction.costs import extraction_costs
from tasks.extraction.evaluate import evaluate_extraction
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.task import ExtractionTask
from tasks.phonetics.evaluate import evaluate_phones
from tasks.phonetics.select import frame_heads
from tasks.recognition.conversations.lists import Conversations
from tasks.recognition.task import RecognitionTask
from tasks.verification.embedding import Embed, embed_corpus
from tasks.verification.evaluate import evaluate_embedded, write_scores
from tasks.verification.trials import Trials, listed_trials

MIXTURES, CONVERSATIONS = "mix2_extraction.csv", "mix2_recognition.csv"
Figures = Callable[[], dict[str, Any]]
Files = Sequence[Path | None]
EXTRACTION_FIGURES = ("si_sdr_improvement_db", "wrong_speaker_share")


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
        corpus, trials = open_corpus(path), listed_trials(path)
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

    @property
    def lists(self) -> dict[str, str]:
        """What figures are measured on: see joint.experiments.finished."""
        mixtures = None if self.mixtures is None else self.mixtures.path
        files = {"trials": self.trials.path, MIXTURES: mixtures, CONVERSATIONS: self.conversations}
        sums = {name: checksum(path) for name, path in files.items() if path is not None}
        return {FOLDER: self.corpus.where, **sums}


def measure_on(run: Run, data: str | Path, phones: bool = False) -> dict[str, Any]:
    """As `measure`, on the test set in a folder or at a URL: a job of its own opens it itself."""
    return measure(run, TestSet.load(data, phones))


def measure(run: Run, test: TestSet) -> dict[str, Any]:
    """Train the run where that has not been done, evaluate it on `test`, write its figures."""
    measures = run.measures or MeasuresConfig()
    allowed = run.packages
    trained = train(run.recipe, resume=run.started, find=named_checkpoint, allow_packages=allowed)
    model = load(trained, allow_packages=allowed)
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
    figures |= task_figures(model, run, test, measures)
    if (first := run.first_encoder) is not None:
        initial = load(first, tasks=(), allow_packages=allowed)
        before = after = embedded.embeddings
        if initial.identity.fingerprint != model.identity.fingerprint:
            before = embed_corpus(initial.embed, test.corpus).embeddings
        figures |= embedding_drift(before, after)
    if "extraction" in model.model.tasks and test.mixtures is not None:
        figures |= cost_figures(model)
    if run.probe_layer is not None and test.corpus.phones:
        figures |= phone_figures(model, run, test.corpus)
    if run.downstream is not None:
        later = run.downstream.figures() or measure(run.downstream, test)
        figures |= {key: later[key] for key in EXTRACTION_FIGURES if key in later}
    numbers = {key: value for key, value in figures.items() if not isinstance(value, dict | str)}
    run.write_figures(numbers, test.lists)
    return numbers


def task_figures(
    model: SpeakerModel, run: Run, test: TestSet, measures: MeasuresConfig
) -> dict[str, Any]:
    """Figures of the encoder and of each task that no run with the same weights has had on the same
    lists: those of others are read. Of several recognisers the first is measured."""
    shared = SharedFigures(run.shared)
    where, identity, tasks = test.corpus.where, model.identity.fingerprint, model.model.tasks

    def once(
        name: str, owners: Sequence[str], settings: Any, files: Files, compute: Figures
    ) -> dict[str, Any]:
        """With the modules of the tasks `owners`, and with `files` that the figures depend on."""
        parts = [part for task in owners for part in model.model.parts(task)]
        sums = [path and checksum(path) for path in files]
        given = [where, identity, model.precision, settings, sums]
        return shared.once(name, parts, given, compute)

    encoder = partial(encoder_figures, model, test.corpus, test.trials, measures)
    lists = [test.trials.path, *(find_list(f, "trials") for f in measures.trials.values())]
    figures = once("encoder", [], asdict(measures), lists, encoder)
    if "extraction" in tasks and test.mixtures is not None:
        limit = measures.mixtures
        mixtures = replace(test.mixtures, rows=test.mixtures.rows[:limit])
        given = (model.estimate, test.corpus, mixtures)
        extract = partial(evaluate_extraction, *given, perceptual=False)
        figures |= once("extraction", ["extraction"], limit, [mixtures.path], extract)
    recognisers = [name for name, t in tasks.items() if isinstance(t, RecognitionTask)]
    if recognisers and (listed := test.conversations) is not None:
        limit, first = measures.conversations, recognisers[0]

        def recognise() -> dict[str, Any]:
            return run_recognition(model, test.corpus, listed, task=first, limit=limit)[0]

        figures |= once("recognition", [first], limit, [listed], recognise)
    if (speech := run.speech) is not None:
        for name in VOICES:
            if name in tasks:
                speak = partial(voice_figures, model, where, speech, run.shared / "words", name)
                owners = [name, *own_vocoder(model, speech)]
                files = files_of(name, speech.data or where, speech)
                figures |= once(name, owners, asdict(speech), files, speak)
    return figures


def cost_figures(model: SpeakerModel) -> dict[str, float]:
    """What the extractor of a model costs, and the mixtures a second that it was trained on, by the
    clock of its training."""
    task, trained = model.model.task("extraction"), model.metadata["trained"]
    assert isinstance(task, ExtractionTask)
    seconds = max(60.0 * trained["minutes"], 1e-9)
    costs = extraction_costs(task, model.model.view("extraction"), model.precision)
    return {"mixtures_trained_per_second": trained["scenes"] / seconds, **costs}


def phone_figures(model: SpeakerModel, run: Run, test: Corpus) -> dict[str, float]:
    """How well the phones of `test` are classified by the model's frame-level task, where it has
    one, and by probes."""
    assert run.probe_layer is not None
    figures = {}
    for name, task in frame_heads(model.model).items():
        known = tuple(model.metadata["phones"])
        view = model.model.view(name)
        found = evaluate_phones(task, view, test, known, model.precision, progress=False)
        figures["phone_head_percent"] = found["spoken_accuracy_percent"]
    data: Any = OmegaConf.to_container(run.config.data, resolve=True)
    train = open_corpora(data["train"], "data.train", data.get("shards", DataConfig.shards))
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
