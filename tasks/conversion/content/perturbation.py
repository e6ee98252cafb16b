"""Perturbation: a recording with the voice changed at random and the words left as they are."""

import numpy as np
import torch
from scipy.signal import sosfilt
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.synthesis.control.praat import CEILING, FLOOR, praat
from joint.units import SAMPLE_RATE, Decibels, Hertz

PEAKS = 8
LOWEST_PEAK: Hertz = 60
HIGHEST_PEAK: Hertz = 7600
FLATTEST, SHARPEST = 2.0, 5.0
"""Quality factors of the filters."""


class Perturbation(nn.Module):
    """Formants moved, pitch moved and its range changed by praat, and the spectrum shaped by random
    filters (Choi et al., "NANSY", NeurIPS 2021: fs, pr and peq).

    A factor of 1.3 draws from [1, 1.3] and takes the inverse in half of the cases; 1 leaves the
    thing as it is. Draws come from torch's generator; no gradient flows.

    Args:
        formants, pitch, spread: Largest factors, of the formants, the pitch and its range.
        shaped: Largest gain of each of the filters, 10 in a row: a low shelf at 60 Hz, a high one
            at 7.6 kHz, and peaks between.
    """

    def __init__(
        self,
        formants: float = 1.4,
        pitch: float = 2.0,
        spread: float = 1.5,
        shaped: Decibels = 0.0,
    ) -> None:
        super().__init__()
        for name, factor in (("formants", formants), ("pitch", pitch), ("spread", spread)):
            if not factor >= 1.0:
                raise ConfigError(name, f"{factor:g}", "a factor, 1 or more")
        praat("perturbation")
        self.factors, self.shaped = (formants, pitch, spread), shaped

    @torch.no_grad()
    def forward(self, waveform: Tensor, lengths: Tensor) -> Tensor:
        """`waveform (B, S)`, `lengths (B,)` in Samples → the same, changed."""
        formants, pitch, spread = self.factors
        changed = torch.zeros_like(waveform, dtype=torch.float32)
        for row, length in enumerate(lengths.tolist()):
            voice = changed_voice(
                self._filtered(waveform[row, :length].float().cpu().numpy()),
                self._factor(formants),
                self._factor(pitch),
                self._factor(spread),
                seed=int(torch.randint(2**31, (1,))),
            )
            changed[row, :length] = torch.from_numpy(voice).to(waveform.device)
        return changed

    def _filtered(self, waveform: np.ndarray) -> np.ndarray:
        if not self.shaped:
            return waveform
        gains, sharp = torch.rand(2, PEAKS + 2).double().numpy()
        sections = filters(
            self.shaped * (2.0 * gains - 1.0), FLATTEST * (SHARPEST / FLATTEST) ** sharp
        )
        found: np.ndarray = sosfilt(sections, waveform).astype(np.float32)
        return found

    @staticmethod
    def _factor(most: float) -> float:
        factor, inverse = torch.rand(2).tolist()
        return float((1.0 + factor * (most - 1.0)) ** (1.0 if inverse < 0.5 else -1.0))


def changed_voice(
    waveform: np.ndarray, formants: float, pitch: float, spread: float, seed: int = 0
) -> np.ndarray:
    """`waveform (S,)` with its formants, its median pitch and the range of its pitch times the
    factors, as long as it is (praat's "Change gender"); a recording without pitch stays as it is.
    `seed` is that of praat's noise where there is no voice."""
    if formants == pitch == spread == 1.0 or len(waveform) < 3 * SAMPLE_RATE / FLOOR:
        return waveform
    parselmouth = praat("perturbation")
    call = parselmouth.praat.call
    sound = parselmouth.Sound(waveform.astype(np.float64), SAMPLE_RATE)
    found = sound.to_pitch_ac(time_step=0.01, pitch_floor=FLOOR, pitch_ceiling=CEILING)
    median = call(found, "Get quantile", 0.0, 0.0, 0.5, "Hertz")
    if not np.isfinite(median):
        return waveform
    parselmouth.praat.run(f"random_initializeWithSeedUnsafelyButPredictably ({seed})")
    made = call([sound, found], "Change gender", formants, pitch * median, spread, 1.0)
    values = made.values[0][: len(waveform)]
    return np.pad(values, (0, len(waveform) - len(values))).astype(np.float32)


def filters(gains: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """Second-order sections `(PEAKS + 2, 6)` of a low shelf, peaks and a high shelf, from low to
    high, with `gains` in dB and `qualities`, each `(PEAKS + 2,)` (Bristow-Johnson, "Cookbook
    formulae for audio EQ biquad filter coefficients")."""
    centres = np.geomspace(LOWEST_PEAK, HIGHEST_PEAK, PEAKS + 2)
    a, w = 10 ** (gains / 40), 2 * np.pi * centres / SAMPLE_RATE
    cos, alpha = np.cos(w), np.sin(w) / (2 * qualities)
    peaks = [1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a]
    sections = np.stack(peaks, axis=1)
    for place, sign in ((0, 1.0), (-1, -1.0)):
        b, c, root = a[place], sign * cos[place], 2 * np.sqrt(a[place]) * alpha[place]
        sections[place] = (
            b * ((b + 1) - (b - 1) * c + root),
            sign * 2 * b * ((b - 1) - (b + 1) * c),
            b * ((b + 1) - (b - 1) * c - root),
            (b + 1) + (b - 1) * c + root,
            sign * -2 * ((b - 1) + (b + 1) * c),
            (b + 1) + (b - 1) * c - root,
        )
    found: np.ndarray = sections / sections[:, 3:4]
    return found
