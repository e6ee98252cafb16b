"""An hour of conversation through each diarization pipeline, and a transcript of it."""

import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from joint import load
from joint.audio import write_audio
from joint.data.choices import Pipeline
from joint.data.opening import open_corpus
from joint.errors import JointError
from joint.units import SAMPLE_RATE, Seconds
from tasks.recognition.select import recogniser
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Line

HOUR: Seconds = 3600.0
SPEAKERS = 4
SHARES = (0.7, 1.3)
"""When the next turn begins, in shares of the one before it: overlaps and pauses."""
COMMAND = "from joint.app.cli.main import main; main()"


class Cost(NamedTuple):
    """Of a process, its start and the loading of the model included."""

    seconds: Seconds
    processor_seconds: Seconds
    gigabytes: float


def hour(settings: Settings) -> list[Line]:
    """For each checkpoint the real-time factors, by the clock and of all processors together, and
    the largest memory of the commands that it has tasks for."""
    seconds = settings.share * HOUR
    recording = settings.scratch / "hour.wav"
    write_audio(recording, conversation(settings, seconds))
    lines = []
    for checkpoint in settings.checkpoints:
        for command in commands(checkpoint):
            output = settings.scratch / "turns.json"
            cost = measured([command[0], recording, "--output", output, *command[1:]])
            what = f"{seconds / 60:.0f} min of conversation, {' '.join(command)}"
            lines += [
                Line(what, "by the clock", [cost.seconds / seconds], "× real time"),
                Line(what, "on one core", [cost.processor_seconds / seconds], "× real time"),
                Line(what, "largest memory", [cost.gigabytes], "GB"),
            ]
    return lines


def conversation(settings: Settings, seconds: Seconds) -> np.ndarray:
    """So much of four people, who begin before or after the end of the turn before, and who read
    what they have again and again: `(S,)`."""
    corpus = open_corpus(settings.data / "train")
    draw = np.random.default_rng(0)
    people = draw.choice(len(corpus.speakers), SPEAKERS, replace=False)
    end = round(seconds * SAMPLE_RATE)
    mixture = np.zeros(end, dtype=np.float32)
    free = dict.fromkeys(people.tolist(), 0)
    start, before = 0, -1
    while start < end:
        who = int(draw.choice(people[people != before]))
        waveform = corpus.utterances[int(draw.choice(corpus.of_speaker[who]))].waveform()
        start = max(start, free[who])
        part = waveform[: max(0, end - start)]
        mixture[start : start + len(part)] += part
        free[who], before = start + len(waveform), who
        start += round(len(waveform) * draw.uniform(*SHARES))
    return mixture


def commands(checkpoint: str) -> list[list[str]]:
    """What can be done with the tasks of a checkpoint."""
    model = load(checkpoint)
    tasks, common = set(model.model.tasks), ["--checkpoint", checkpoint]
    threshold = [] if model.diarization_threshold else ["--cluster-threshold", "0.25"]
    pipelines = [Pipeline.CLUSTERING]
    if "segmentation" in tasks:
        pipelines += [Pipeline.OVERLAP, Pipeline.POWERSET]
    if "activity" in tasks:
        pipelines.append(Pipeline.TS_VAD)
    found = [["diarize", *common, *threshold, "--pipeline", kind] for kind in pipelines]
    try:
        recogniser(model.model, Path(checkpoint))
    except JointError:
        return found
    best = ["--pipeline", pipelines[-1]]
    separate = ["--separate"] if "extraction" in tasks and len(pipelines) > 1 else []
    return [*found, ["transcribe", *common, *best, *separate]]


def measured(arguments: list[object]) -> Cost:
    """Run `joint ARGUMENTS` in a process of its own."""
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    begin = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"joint {' '.join(map(str, arguments))}: it failed")
    taken = perf_counter() - begin
    return Cost(taken, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)
