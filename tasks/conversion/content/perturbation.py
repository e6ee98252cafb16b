"""Perturbation: a recording with the voice changed at random and the words left as they are."""

import numpy as np
import torch
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
    filters (Choi et al., "NANSY", NeurIPS 2021, section 3.1 and appendix A: fs, pr and peq).

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
        sound = waveform.float()
        if self.shaped:
            sound = random_filters(sound, self.shaped)
        formants, pitch, spread = self.factors
        changed = torch.zeros_like(sound)
        for row, length in enumerate(lengths.tolist()):
            voice = changed_voice(
                sound[row, :length].cpu().numpy(),
                self._factor(formants),
                self._factor(pitch),
                self._factor(spread),
                seed=int(torch.randint(2**31, (1,))),
            )
            changed[row, :length] = torch.from_numpy(voice).to(sound.device)
        return changed

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


def random_filters(waveform: Tensor, most: Decibels) -> Tensor:
    """`waveform (B, S)` through a low shelf, peaks and a high shelf with gains of ±`most`, other
    ones for each row."""
    size = 1 << (2 * waveform.shape[1] - 1).bit_length()  # so that no ringing wraps around
    angle = torch.linspace(0.0, torch.pi, size // 2 + 1)
    response = torch.ones(len(waveform), len(angle), dtype=torch.complex64)
    centres = torch.logspace(
        np.log10(LOWEST_PEAK), np.log10(HIGHEST_PEAK), PEAKS + 2, dtype=torch.float32
    )
    kinds = ["low shelf", *["peak"] * PEAKS, "high shelf"]
    for kind, centre in zip(kinds, centres.tolist(), strict=True):
        gain = most * (2.0 * torch.rand(len(waveform), 1) - 1.0)
        quality = FLATTEST * (SHARPEST / FLATTEST) ** torch.rand(len(waveform), 1)
        response *= filter_response(kind, centre, gain, quality, angle)
    spectrum = torch.fft.rfft(waveform, size) * response.to(waveform.device)
    return torch.fft.irfft(spectrum, size)[:, : waveform.shape[1]]


def filter_response(
    kind: str, centre: float, gain: Tensor, quality: Tensor, angle: Tensor
) -> Tensor:
    """Of second-order filters with `gain (B, 1)` in dB and `quality (B, 1)`, at `angle (N,)` in
    radians a Sample: `(B, N)`, complex (Bristow-Johnson, "Cookbook formulae for audio EQ biquad
    filter coefficients")."""
    a = 10 ** (gain / 40)
    w = torch.tensor(2 * torch.pi * centre / SAMPLE_RATE)
    cos, alpha = w.cos(), w.sin() / (2 * quality)
    if kind == "peak":
        up = (1 + alpha * a, -2 * cos + 0 * a, 1 - alpha * a)
        down = (1 + alpha / a, -2 * cos + 0 * a, 1 - alpha / a)
    else:
        sign = 1.0 if kind == "low shelf" else -1.0
        root = 2 * a.sqrt() * alpha
        up = (
            a * ((a + 1) - sign * (a - 1) * cos + root),
            sign * 2 * a * ((a - 1) - sign * (a + 1) * cos),
            a * ((a + 1) - sign * (a - 1) * cos - root),
        )
        down = (
            (a + 1) + sign * (a - 1) * cos + root,
            sign * -2 * ((a - 1) + sign * (a + 1) * cos),
            (a + 1) + sign * (a - 1) * cos - root,
        )
    z = torch.exp(-1j * angle)[None]
    return (up[0] + up[1] * z + up[2] * z**2) / (down[0] + down[1] * z + down[2] * z**2)
