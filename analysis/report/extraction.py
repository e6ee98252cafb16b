"""The report of an evaluation of extraction: figures, and mixtures to listen to."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from analysis.report.figures import figure_table, named_figures
from analysis.report.page import Example, Links, Section, write_report
from joint.audio import resampled
from joint.data.corpus import Corpus
from joint.metrics.separation import si_sdr_db
from joint.units import SAMPLE_RATE
from tasks.extraction.mixtures import MixtureList, MixtureRow
from tasks.extraction.rendering import render

EXAMPLES = 6
LISTEN = (
    "Evenly spaced in the list. Spectrograms: time to the right, 0 to 8 kHz upwards, 80 dB from "
    "dark to bright."
)

Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From mixture `(S,)` and enrolment `(S2,)`, float32 at 16 kHz, to the estimate `(S,)`."""
Item = TypeVar("Item")


def write_extraction_report(
    path: Path,
    name: str,
    figures: Mapping[str, Any],
    estimate: Estimate,
    listed: tuple[Corpus, MixtureList],
    files: Mapping[str, str | Path],
    limit: int | None = None,
) -> None:
    """Write the page of `figures` of the checkpoint `name` on the first `limit` mixtures, with some
    of them to listen to; `files` are what was used. Raises JointError."""
    corpus, mixtures = listed
    chosen = evenly(mixtures.rows[:limit], EXAMPLES)
    rate = mixtures.sample_rate
    players = [mixture_example(row, corpus, {"estimate": estimate}, rate) for row in chosen]
    sections = [
        Section("Groups", "Parts of the list.", [figure_table("group", figures["by_group"])]),
        Section("Listen", LISTEN, players),
        Section("Files", "What this page was made of.", [Links(files, path.parent)]),
    ]
    write_report(path, f"Extraction by {name}", named_figures(figures), sections)


def mixture_example(
    row: MixtureRow, corpus: Corpus, estimates: Mapping[str, Estimate], rate: int = SAMPLE_RATE
) -> Example:
    """A mixture of the list, whose recordings have `rate`, with the estimate of each system and its
    SI-SDR improvement."""
    rendered = render(row, corpus)
    mixture, reference, enrollment = (
        wave if rate == SAMPLE_RATE else resampled(wave, rate, SAMPLE_RATE)
        for wave in (rendered.mixture, rendered.reference, rendered.enrollment)
    )
    sounds = {name: system(mixture, enrollment) for name, system in estimates.items()}
    before = _ratio(mixture, reference)
    gains = ", ".join(
        f"{name} {_ratio(sound, reference) - before:+.1f} dB" for name, sound in sounds.items()
    )
    text = corpus.by_id[row.target].text
    return Example(
        f"{row.mix_id}: {row.target} against {row.interferer}, {row.snr_db:+.1f} dB",
        f"SI-SDR improvement: {gains}." + (f" Text: “{text.capitalize()}”" if text else ""),
        {"mixture": mixture, "enrolment": enrollment, **sounds, "reference": reference},
    )


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """`count` of `items`, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def _ratio(estimate: np.ndarray, reference: np.ndarray) -> float:
    import torch

    pair = (torch.from_numpy(np.asarray(wave, np.float32)) for wave in (estimate, reference))
    return float(si_sdr_db(*pair))
