"""`python -m tests.benchmarks [NAMES] [--wespeaker DIR] [--wesep DIR] [--data PREPARED]`.

Prints a table. No test asserts a time: machines differ.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from joint.app.checkpoints import SHIPPED
from tests.benchmarks import (
    augmentation,
    encoder,
    extractor,
    recognizer,
    scoring,
    whole,
)
from tests.benchmarks.inference import hour, lengths
from tests.benchmarks.settings import Settings, prepare_embedded
from tests.benchmarks.timing import Line

BENCHMARKS: dict[str, Callable[[Settings], list[Line]]] = {
    "encoder-step": encoder.encoder_step,
    "resnet-step": encoder.resnet_step,
    "inference": encoder.inference,
    "encoder-training": encoder.encoder_training,
    "augmentation": augmentation.augmentation,
    "embedding": encoder.embedding,
    "extractor": extractor.published,
    "extractor-small": extractor.small,
    "recognizer-training": recognizer.recognizer_training,
    "trial-figures": scoring.figures,
    "as-norm": scoring.as_norm,
    "lengths": lengths.lengths,
    "hour": hour.hour,
    "data": whole.data,
    "memory": whole.memory,
    "tuning": whole.tuning,
}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description="Speed and memory.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--wespeaker", type=Path, metavar="DIR", help="a checkout to race against")
    parser.add_argument("--wesep", type=Path, metavar="DIR", help="a checkout to race against")
    parser.add_argument(
        "--data", type=Path, metavar="PREPARED", help="default: the embedded corpus"
    )
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="keeps the packed corpus")
    parser.add_argument(
        "--checkpoint",
        action="append",
        metavar="CHECKPOINT",
        help="for `hour`; may be repeated; default: the shipped one",
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="once, a little: does it run?")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}"
        )
    return given


def table(lines: list[Line], notes: list[str]) -> Table:
    """One line a contestant."""
    drawn = Table(title="Benchmarks", caption="\n".join(notes), caption_justify="left")
    for heading in ("what", "who"):
        drawn.add_column(heading)
    for heading in ("median", "lowest to highest", "unit", "first line is faster by"):
        drawn.add_column(heading, justify="right")
    before = ""
    for line in lines:
        if before and line.what != before:
            drawn.add_section()
        drawn.add_row(
            "" if line.what == before else line.what,
            line.who,
            f"{line.median:.3g}",
            f"{min(line.values):.3g} to {max(line.values):.3g}" if len(line.values) > 1 else "",
            line.unit,
            "" if line.advantage is None else f"{line.advantage:.2f}×",
        )
        before = line.what
    return drawn


def machine() -> str:
    """What the figures were measured on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{torch.backends.cpu.get_cpu_capability()}; load average at the start {load}"
    )


def main() -> None:
    """Run the benchmarks that were asked for and print their table."""
    given = arguments()
    notes = [machine()]
    for name in ("wespeaker", "wesep"):
        if getattr(given, name) is None:
            notes.append(f"left out, for want of --{name} DIR: {name}'s lines")
    console, lines = Console(), []
    if not console.is_terminal:
        console.width = 140
    with tempfile.TemporaryDirectory() as temporary:
        scratch = given.scratch or Path(temporary)
        settings = Settings(
            data=given.data or prepare_embedded(scratch),
            scratch=scratch,
            repeats=1 if given.quick else given.repeats,
            share=0.1 if given.quick else 1.0,
            wespeaker=given.wespeaker,
            wesep=given.wesep,
            checkpoints=given.checkpoint or [SHIPPED],
        )
        for name in given.names or BENCHMARKS:
            with console.status(name):
                lines += BENCHMARKS[name](settings)
    console.print(table(lines, notes))


if __name__ == "__main__":
    main()
