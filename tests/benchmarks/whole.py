"""What is ours alone: the data pipeline and the memory of a joint training."""

import subprocess
import sys

from joint.data.scenes.planning import ScenePlanner
from tests.benchmarks.settings import ROOT, Settings
from tests.benchmarks.timing import Contestant, Line, race

BATCH, BATCHES = 16, 100
RECIPE = ROOT / "recipes" / "speechocean762" / "joint.yaml"
STEPS = 10

TRAINING = """
import resource, sys
from pathlib import Path
from joint.training.run import train
train(Path(sys.argv[1]), sys.argv[2:])
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print("kilobytes", resource.getrusage(who).ru_maxrss)
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
