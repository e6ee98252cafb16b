"""What jobs of the tests do in place of a training; a job imports it by name."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from joint.errors import ConfigError
from joint.experiments.ablation import Run


def runs_in(folder: Path, *names: str) -> list[Run]:
    """Runs of these names, with a folder each; their seeds count from 0."""
    runs = [Run(name, seed, folder / name, OmegaConf.create()) for seed, name in enumerate(names)]
    for run in runs:
        run.folder.mkdir()
    return runs


def works(run: Run) -> dict[str, Any]:
    print(f"trained {run.variant}")
    figures = {"eer_percent": 1.0 * run.seed}
    run.write_figures(figures)
    return figures


def works_at_the_second_attempt(run: Run) -> dict[str, Any]:
    first = run.folder / "first"
    if not first.exists():
        first.touch()
        raise RuntimeError("out of memory")
    return works(run)


def refuses(run: Run) -> dict[str, Any]:
    raise ConfigError("disk", "no room", "room")


def as_it_is_called(run: Run) -> dict[str, Any]:
    """What the run's variant says."""
    return {"killed": is_killed, "raises": works_at_the_second_attempt}.get(run.variant, works)(run)


def is_killed(run: Run) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def is_preempted(run: Run) -> dict[str, Any]:
    """At its first start it gets the signal by which a job is told to make room."""
    starts = run.folder / "starts"
    with starts.open("a") as file:
        file.write("start\n")
    if len(starts.read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGUSR2)
        time.sleep(60.0)
    return works(run)
