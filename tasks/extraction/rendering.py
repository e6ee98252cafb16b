"""The waveforms of a test mixture."""

import math
from typing import NamedTuple

import numpy as np

from joint.data.corpus import Corpus
from joint.errors import AudioError
from joint.units import SAMPLE_RATE, Decibels, Samples
from tasks.extraction.mixtures import MixtureRow


class RenderedMixture(NamedTuple):
    """Waveforms float32 at the `sample_rate` of their row: `mixture (S,)` = `reference (S,)` +
    `interference (S,)`, and `enrollment (S2,)`, another recording of the target; `target_whole`
    where the mixture has all of the target's utterance; `interferers`, each `(S,)`, whose sum the
    interference is."""

    mixture: np.ndarray
    reference: np.ndarray
    interference: np.ndarray
    enrollment: np.ndarray
    target_whole: bool
    interferers: tuple[np.ndarray, ...] = ()


def render(row: MixtureRow, corpus: Corpus) -> RenderedMixture:
    """Read the recordings of a row and mix them. Raises AudioError where one cannot be used.

    At 8 kHz each recording is resampled by a polyphase filter and cut afterwards, as LibriMix's
    scripts do it.
    """
    target, enrollment = (corpus.by_id[n].waveform() for n in (row.target, row.enrollment))
    others = [corpus.by_id[name].waveform() for name, _ in row.interferers]
    shortest = min(map(len, (target, *others)))
    levels = zip(others, (snr_db for _, snr_db in row.interferers), strict=True)
    try:
        gains = [interferer_gain(target[:shortest], w[:shortest], snr_db) for w, snr_db in levels]
    except ValueError as error:
        raise AudioError(row.mix_id, str(error), "speech of all speakers") from error
    scale = _factor(row.gain_db)
    target = _at_rate(scale * target, row)
    others = [_at_rate(scale * gain * w, row) for gain, w in zip(gains, others, strict=True)]
    enrollment = _at_rate(_factor(row.enrollment_gain_db) * enrollment, row)
    if row.enrollment_samples is not None:
        enrollment = enrollment[: math.ceil(row.enrollment_samples * row.sample_rate / SAMPLE_RATE)]
    ends = list(map(len, (target, *others)))
    length = max(ends) if row.mode == "max" else min(ends)
    reference, interferers = _fitted(target, length), [_fitted(w, length) for w in others]
    interference = interferers[0] if len(interferers) == 1 else np.sum(interferers, axis=0)
    whole, mixture = length >= len(target), reference + interference
    return RenderedMixture(mixture, reference, interference, enrollment, whole, tuple(interferers))


def interferer_gain(target: np.ndarray, interferer: np.ndarray, snr_db: Decibels) -> np.float32:
    """The factor that sets the interferer's mean power `snr_db` below the target's, both powers
    over the shorter one's length. Raises ValueError where one of them is silent there."""
    length = min(len(target), len(interferer))
    power, other = (np.mean(np.square(w[:length], dtype=np.float64)) for w in (target, interferer))
    if power == 0 or other == 0:
        silent = "target" if power == 0 else "interferer"
        raise ValueError(f"a silent {silent} in the first {length} samples")
    return np.float32(np.sqrt(power / (other * 10 ** (snr_db / 10))))


def _factor(gain_db: Decibels) -> np.float32:
    return np.float32(10 ** (gain_db / 20))


def _at_rate(waveform: np.ndarray, row: MixtureRow) -> np.ndarray:
    if row.sample_rate == SAMPLE_RATE:
        return waveform
    from scipy.signal import resample_poly  # slow to import: only where a list is at 8 kHz

    return resample_poly(waveform, row.sample_rate, SAMPLE_RATE).astype(np.float32)


def _fitted(waveform: np.ndarray, length: Samples) -> np.ndarray:
    """`waveform` cut to `length`, or padded with zeros."""
    return np.pad(waveform[:length], (0, max(0, length - len(waveform))))
