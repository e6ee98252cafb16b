"""Inference at lengths from 0.3 to 60 s in both precisions: does `auto` hang or take the slower?

Every path runs in a process of its own, with a time limit for each case: a library that does not
return for one length is stopped, reported, and the sweep goes on with the next length.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from joint.app.api import SpeakerModel, load
from joint.data.opening import open_corpus
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.inspection.speech import Region
from joint.model import JointModel
from joint.text.units import CharacterUnits
from joint.training.precision import cpu_has_bf16
from joint.units import SAMPLE_RATE, Seconds
from tasks.diarization.pipeline import Diarizer
from tasks.recognition.core import RecognizerCore
from tasks.recognition.topologies import SingleRecognition
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Line

SHIPPED = "speechocean762-librispeech-joint"
LENGTHS: tuple[Seconds, ...] = (0.3, 0.5, 1, 2, 3, 5, 6.9, 8, 10, 15, 20, 30, 45, 60)
PRECISIONS = ("float32", "bf16")
LIMIT, START_LIMIT = 60.0, 120.0
"""Seconds for one case, which takes a few seconds at most, and for loading a model."""

SLOWER = 1.1
"""`auto` is flagged where the other precision would be faster by more than this factor."""

Run = Callable[[np.ndarray], object]


def embed(precision: str) -> Run:
    """One embedding."""
    model = load(SHIPPED, precision=precision, tasks=())
    return lambda waveform: model.embed([waveform])


def extract(precision: str) -> Run:
    """The enrolled speaker out of a mixture."""
    model = load(SHIPPED, precision=precision)
    return lambda waveform: model.estimate(waveform, waveform[: 4 * SAMPLE_RATE])


def transcribe(precision: str) -> Run:
    """A recogniser of one speaker, with random weights: they do not change its speed."""
    torch.manual_seed(0)
    core = partial(RecognizerCore, Filterbank(bins=80), lower=3, upper=3)
    task = SingleRecognition(CharacterUnits(), core)
    encoder = SpeakerEncoder(Filterbank(), XvectorTdnn(), StatisticsPooling)
    joint_model = JointModel(encoder, {"words": task}, switches={"words": "frozen"})
    model = SpeakerModel(joint_model, {}, Path("untrained"), precision)
    return model.transcribe


def diarize(precision: str) -> Run:
    """Windows, embeddings and clusters of a recording that is speech throughout."""
    model = load(SHIPPED, precision=precision, tasks=())
    diarizer = Diarizer(model.embed, model.diarization_threshold)
    return lambda waveform: diarizer(waveform, [Region(0, len(waveform))])


PATHS: dict[str, Callable[[str], Run]] = {
    "embed": embed,
    "extract": extract,
    "transcribe": transcribe,
    "diarize": diarize,
}


def lengths(settings: Settings) -> list[Line]:
    """A line a path, length and precision, with what is to be known of `auto` beside its name."""
    chosen = LENGTHS[:: max(1, round(1 / settings.share))]
    speech = _speech(settings, max(chosen))
    waveforms = [speech[: round(seconds * SAMPLE_RATE)] for seconds in chosen]
    auto = PRECISIONS[cpu_has_bf16()]
    lines = []
    for path in PATHS:
        times = {p: list(_times(path, p, waveforms, settings.repeats)) for p in PRECISIONS}
        for row, seconds in enumerate(chosen):
            best = {p: min(times[p][row], default=math.inf) for p in PRECISIONS}
            for precision in PRECISIONS:
                who = f"{precision} = auto" if precision == auto else precision
                values = times[precision][row] or [math.inf]
                note = who + verdict(precision, auto, best)
                lines.append(Line(f"{path}, {seconds:g} s", note, values, "s"))
    return lines


def verdict(precision: str, auto: str, best: dict[str, float]) -> str:
    """What is wrong with this precision as a choice; nothing where nothing is."""
    if math.isinf(best[precision]):
        return f": NO ANSWER IN {LIMIT:g} s"
    if precision == auto and best[precision] > SLOWER * min(best.values()):
        return ": SLOWER"
    return ""


def _speech(settings: Settings, seconds: Seconds) -> np.ndarray:
    parts, samples = [], 0
    for utterance in open_corpus(settings.data / "train").utterances:
        parts.append(utterance.waveform())
        samples += len(parts[-1])
        if samples >= seconds * SAMPLE_RATE:
            break
    return np.concatenate(parts)


def _times(
    path: str, precision: str, waveforms: list[np.ndarray], repeats: int
) -> Iterator[list[float]]:
    """Seconds of each repetition for each waveform; none where there was no answer in time."""
    worker = None
    for waveform in waveforms:
        worker = worker or _Worker(path, precision)
        found = worker.measure(waveform, repeats)
        if found is None:
            worker.stop()
            worker = None
        yield found or []
    if worker is not None:
        worker.stop()


class _Worker:
    """A process with a model in one precision."""

    def __init__(self, path: str, precision: str) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        arguments = (path, precision, torch.get_num_threads(), theirs)
        self.process = context.Process(target=_serve, args=arguments, daemon=True)
        self.process.start()
        if not self.connection.poll(START_LIMIT):
            raise SystemExit(f"{path} in {precision}: no model in {START_LIMIT:g} s")
        self.connection.recv()

    def measure(self, waveform: np.ndarray, repeats: int) -> list[float] | None:
        """Seconds of each of `repeats` runs after an unmeasured one; None where one hangs."""
        found = []
        for _ in range(1 + repeats):
            self.connection.send(waveform)
            if not self.connection.poll(LIMIT):
                return None
            found.append(self.connection.recv())
        return found[1:]

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.join()


def _serve(path: str, precision: str, threads: int, connection: Connection) -> None:
    torch.set_num_threads(threads)
    run = PATHS[path](precision)
    connection.send("ready")
    while True:
        waveform = connection.recv()
        begin = perf_counter()
        run(waveform)
        connection.send(perf_counter() - begin)
