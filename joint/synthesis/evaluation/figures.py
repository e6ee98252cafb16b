"""Figures of one system: means over all of its waveforms."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from joint.metrics.perceptual import Perceptual
from joint.metrics.speech.pitch import SEMITONES_PER_OCTAVE, pitch_figures, pitch_statistics
from joint.metrics.words import Errors, total
from joint.synthesis.evaluation.instruments import Measured


def system_figures(measured: Sequence[Measured]) -> dict[str, Any]:
    """Means over recordings; None for what was not measured. Error rates are those of all
    recordings together."""
    return {
        "seconds": float(np.mean([m.seconds for m in measured])),
        "wer_percent": wer_percent(m.words for m in measured),
        "cer_percent": wer_percent(m.characters for m in measured),
        **_dnsmos(measured),
        **_pitch(measured),
        **pitch_figures([m.pitch_error for m in measured if m.pitch_error is not None]),
        **_copy(measured),
    }


def wer_percent(errors: Iterable[Errors | None]) -> float | None:
    """All errors in percent of all reference words, or characters; None without any."""
    counts = total(e for e in errors if e is not None)
    return 100.0 * counts.errors / counts.length if counts.length else None


def register_error(measured: Sequence[Measured], targets: Sequence[Measured]) -> float | None:
    """Mean absolute difference in semitones between the mean pitch of each waveform and that of its
    target's recording; None where pitch is not measured."""
    differences = [
        SEMITONES_PER_OCTAVE * abs(float(np.log2(_mean_hz(made) / _mean_hz(target))))
        for made, target in zip(measured, targets, strict=True)
    ]
    return known_mean(differences)


def _mean_hz(measured: Measured) -> float:
    return float("nan") if measured.pitch is None else pitch_statistics(measured.pitch).mean_hz


def known_mean(values: Iterable[float]) -> float | None:
    """The mean of the values that are not NaN; None where all are."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else None


def _dnsmos(measured: Sequence[Measured]) -> dict[str, float | None]:
    scores = [m.dnsmos for m in measured if m.dnsmos is not None]
    return {
        "dnsmos_overall": known_mean(s.overall for s in scores),
        "dnsmos_signal": known_mean(s.signal for s in scores),
        "dnsmos_background": known_mean(s.background for s in scores),
        "dnsmos_p808": known_mean(s.p808 for s in scores),
    }


def _pitch(measured: Sequence[Measured]) -> dict[str, float | None]:
    found = [pitch_statistics(m.pitch) for m in measured if m.pitch is not None]
    octaves = known_mean(float(np.log2(s.mean_hz)) for s in found)
    share = known_mean(s.voiced_share for s in found)
    return {
        "f0_mean_hz": None if octaves is None else 2.0**octaves,
        "f0_deviation_semitones": known_mean(s.deviation_semitones for s in found),
        "voiced_percent": None if share is None else 100.0 * share,
    }


def _copy(measured: Sequence[Measured]) -> dict[str, float | None]:
    errors = [m.mel_error for m in measured if m.mel_error is not None]
    quality: list[Perceptual] = [m.perceptual for m in measured if m.perceptual is not None]
    return {
        "mel_error": known_mean(e.natural_log for e in errors),
        "mel_error_db": known_mean(e.decibels for e in errors),
        "pesq": known_mean(q.pesq for q in quality),
        "stoi": known_mean(q.stoi for q in quality),
    }
