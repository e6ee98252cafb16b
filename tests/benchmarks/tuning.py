"""A front-end of WavLM's base size with random weights in training, by what is trained of it."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from statistics import median

from tests.benchmarks.settings import ROOT, Settings
from tests.benchmarks.timing import Line
from tests.benchmarks.whole import TRAINING

RECIPE = ROOT / "recipes" / "voxceleb" / "pretrained" / "wavlm_frozen.yaml"
WAYS = {
    "frozen": [],
    "adapters": ["+tuning@encoder.frontend.tuning=adapters_wavlm"],
    "LoRA": ["+tuning@encoder.frontend.tuning=lora_wavlm"],
    "full": ["optimizer.groups.encoder.frontend.network.frozen=false"],
}
BATCH, SECONDS, STEPS = 4, 2.0, 5


def tuning(settings: Settings) -> list[Line]:
    """Peak memory of a training, and its steps a second of processor time on one core, the first
    step left out."""
    steps = max(2, settings.some(STEPS))
    what = f"WavLM base and ECAPA-TDNN, {BATCH} recordings of {SECONDS:g} s a step"
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
            f"streams.speakers.batch_size={BATCH}",
            f"streams.speakers.scenes.enrollment={SECONDS}",
            f"trainer.max_steps={steps}",
            "trainer.accelerator=cpu",
            "trainer.precision=float32",
            "trainer.clock=processor",
            "trainer.workers=1",
            "trainer.log_every=1",
            *own,
        ]
        command = [sys.executable, "-c", TRAINING, str(RECIPE), *overrides]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{RECIPE}: {done.stderr.splitlines()[-1]}")
        found = [line for line in done.stdout.splitlines() if line.startswith("kilobytes")]
        memory.append(Line(f"peak memory, {what}", way, [int(found[0].split()[1]) / 1e6], "GB"))
        rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
        minutes = [row["minutes"] for row in rows if "loss" in row]
        seconds = [60.0 * (b - a) for a, b in pairwise(minutes)]
        speed.append(Line(f"speed, {what}", way, [1.0 / median(seconds)], "steps/s"))
    return [*memory, *speed]
