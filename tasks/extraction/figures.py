"""Scores of one extracted mixture, and summary figures of many."""

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from joint.files import atomic_path
from joint.metrics.words import Errors, total
from joint.units import Decibels

IMPROVED_ABOVE: Final[Decibels] = 1.0
"""SI-SDR improvement above which a mixture counts as improved."""


@dataclass(frozen=True)
class Words:
    """Word errors of the extracted speech, of the mixture and of the reference, and the text."""

    extracted: Errors
    mixture: Errors
    reference: Errors
    text: str


@dataclass(frozen=True)
class MixtureScore:
    """Scores of one mixture: SI-SDR against target and interferer, PESQ and STOI (NaN: cannot be
    computed, None: not requested), word errors (None without a recogniser), and whether the mixture
    has all of the target's words."""

    mix_id: str
    si_sdr_db: Decibels
    si_sdr_mixture_db: Decibels
    si_sdr_interferer_db: Decibels
    pesq: float | None
    stoi: float | None
    words: Words | None
    target_whole: bool

    @property
    def si_sdr_improvement_db(self) -> Decibels:
        """SI-SDR of the estimate minus that of the mixture."""
        return self.si_sdr_db - self.si_sdr_mixture_db

    @property
    def wrong_speaker(self) -> bool:
        """Whether the estimate is closer to the interferer than to the target."""
        return self.si_sdr_interferer_db > self.si_sdr_db


def figures(scores: Sequence[MixtureScore]) -> dict[str, Any]:
    """Means, median and shares (0 to 1) over mixtures; None for scores that no mixture has.

    Word error rates are the errors of all mixtures over the words of all mixtures.
    """
    improvements = np.array([score.si_sdr_improvement_db for score in scores])
    return {
        "si_sdr_db": float(np.mean([score.si_sdr_db for score in scores])),
        "si_sdr_improvement_db": float(improvements.mean()),
        "si_sdr_improvement_median_db": float(np.median(improvements)),
        "improved_share": float(np.mean(improvements > IMPROVED_ABOVE)),
        "wrong_speaker_share": float(np.mean([score.wrong_speaker for score in scores])),
        "pesq": _mean(score.pesq for score in scores),
        "stoi": _mean(score.stoi for score in scores),
        "wer_percent": _wer_percent(scores, lambda words: words.extracted),
        "wer_mixture_percent": _wer_percent(scores, lambda words: words.mixture),
        "wer_reference_percent": _wer_percent(scores, lambda words: words.reference),
        "mixtures": len(scores),
    }


def failures(values: Iterable[float | None]) -> int:
    """How many values were requested and could not be computed."""
    return sum(value is not None and math.isnan(value) for value in values)


def write_mixture_scores(path: Path, scores: Sequence[MixtureScore]) -> None:
    """Write a CSV with one row for each mixture. Raises JointError where it cannot be written."""
    rows = [_flat(score) for score in scores]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _flat(score: MixtureScore) -> dict[str, str | int]:
    numbers = {
        "si_sdr_db": score.si_sdr_db,
        "si_sdr_mixture_db": score.si_sdr_mixture_db,
        "si_sdr_improvement_db": score.si_sdr_improvement_db,
        "si_sdr_interferer_db": score.si_sdr_interferer_db,
        "pesq": score.pesq,
        "stoi": score.stoi,
    }
    row: dict[str, str | int] = {"mix_id": score.mix_id}
    row |= {
        name: "" if value is None or math.isnan(value) else f"{value:.4f}"
        for name, value in numbers.items()
    }
    row |= {"wrong_speaker": int(score.wrong_speaker), "target_whole": int(score.target_whole)}
    if score.words is not None:
        row |= {
            "words": score.words.extracted.length,
            "word_errors": score.words.extracted.errors,
            "word_errors_mixture": score.words.mixture.errors,
            "word_errors_reference": score.words.reference.errors,
            "text": score.words.text,
        }
    return row


def _mean(values: Iterable[float | None]) -> float | None:
    finite = [value for value in values if value is not None and not math.isnan(value)]
    return float(np.mean(finite)) if finite else None


def _wer_percent(scores: Sequence[MixtureScore], of: Callable[[Words], Errors]) -> float | None:
    counts = total(of(score.words) for score in scores if score.words is not None)
    return 100 * counts.errors / counts.length if counts.length else None
