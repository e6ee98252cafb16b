"""What is ours alone: the data pipeline, the memory of a joint training, and what it costs to train
parts of a pretrained front-end."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from statistics import median

from joint.data.scenes.planning import ScenePlanner
from tests.benchmarks.settings import ROOT, Settings
from tests.benchmarks.timing import Contestant, Line, race

BATCH, BATCHES = 16, 100
RECIPE = ROOT / "recipes" / "speechocean762" / "joint.yaml"
STEPS = 10

PRETRAINED = ROOT / "recipes" / "voxceleb" / "pretrained" / "wavlm_frozen.yaml"
WAYS = {
    "frozen": [],
    "adapters": ["+tuning@encoder.frontend.tuning=adapters_wavlm"],
    "LoRA": ["+tuning@encoder.frontend.tuning=lora_wavlm"],
    "full": ["optimizers@optimizer=adamw"],
}
RECORDINGS, SECONDS, TUNING_STEPS = 8, 3.0, 2

TRAINING = """
import resource, sys
from pathlib import Path
from joint.training.run import train
from joint.training.trainer import Trainer

def peak(who):
    print("kilobytes", resource.getrusage(who).ru_maxrss)

def finish(trainer, finished=Trainer._finish):
    peak(resource.RUSAGE_SELF)  # of the steps: the end reads checkpoints
    return finished(trainer)

Trainer._finish = finish
train(Path(sys.argv[1]), sys.argv[2:])
peak(resource.RUSAGE_CHILDREN)
"""


def data(settings: Settings) -> list[Line]:
    """Dynamic mixtures of two, rendered by one worker while nobody trains."""
    planner = ScenePlanner(speakers=2, chunk=3.0, noise_probability=0.5, room_probability=0.3)
    batches = settings.stream(planner, BATCH).batches(0, workers=1)
    count = settings.some(BATCHES)

    def drain() -> None:
        for _ in range(count):
            next(batches)

    contestants = [Contestant("ours, one worker", drain, count * BATCH)]
    return race("dynamic mixtures of 3 s", contestants, "mixtures/s", min(settings.repeats, 3))


def memory(settings: Settings) -> list[Line]:
    """The largest resident memory of a joint training, and of its largest worker."""
    what = f"peak memory of {STEPS} steps of {RECIPE.name}"
    output = settings.scratch / "memory"
    overrides = [
        f"data.train={settings.data / 'train'}",
        f"data.cache={settings.scratch / 'cache'}",
        f"output={output}",
        "data.validation=null",
        "validation=null",
        "init=[]",
        f"trainer.max_steps={STEPS}",
        "trainer.max_minutes=null",
    ]
    command = [sys.executable, "-c", TRAINING, str(RECIPE), *overrides]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{RECIPE}: {done.stderr.splitlines()[-1]}")
    found = [line for line in done.stdout.splitlines() if line.startswith("kilobytes")]
    gigabytes = [float(line.split()[1]) * 1024 / 1e9 for line in found]
    whos = ("ours, training process", "ours, largest worker")
    return [Line(what, who, [g], "GB") for who, g in zip(whos, gigabytes, strict=True)]


def tuning(settings: Settings) -> list[Line]:
    """Peak memory of a training's steps, and how many it makes a second of processor time on one
    core, the first step left out."""
    recordings = max(2, settings.some(RECORDINGS))
    what = f"WavLM base and ECAPA-TDNN, {recordings} recordings of {SECONDS:g} s a step"
    memory, speed = [], []
    for way, own in WAYS.items():
        output = settings.scratch / "tuning" / way
        overrides = [
            f"data.train={settings.data / 'train'}",
            "data.validation=null",
            "validation=null",
            f"output={output}",
            "encoder.frontend.source=null",
            "encoder.frontend.config={model_type: wavlm}",
            "encoder.backbone.features=768",
            f"streams.speakers.batch_size={recordings}",
            f"streams.speakers.scenes.enrollment={SECONDS}",
            f"trainer.max_steps={TUNING_STEPS}",
            "trainer.accelerator=cpu",
            "trainer.precision=float32",
            "trainer.clock=processor",
            "trainer.workers=1",
            "trainer.log_every=1",
            *own,
        ]
        command = [sys.executable, "-c", TRAINING, str(PRETRAINED), *overrides]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{PRETRAINED}: {done.stderr.splitlines()[-1]}")
        found = [line for line in done.stdout.splitlines() if line.startswith("kilobytes")]
        memory.append(Line(f"peak memory, {what}", way, [int(found[0].split()[1]) / 1e6], "GB"))
        rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        minutes = [row["minutes"] for row in rows if "loss" in row]
        seconds = [60.0 * (b - a) for a, b in pairwise(minutes)]
        speed.append(Line(f"speed, {what}", way, [1.0 / median(seconds)], "steps/s"))
    return [*memory, *speed]
