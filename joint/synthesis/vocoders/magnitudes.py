"""Magnitudes of a spectrum from those of its mel bands, and phases that fit them."""

import torch
from torch import Tensor

from joint.synthesis.mel import HOP, WINDOW

UPDATES = 10
"""From mel bands to magnitudes; three times as many raise the PESQ of clean speech by 0.04."""
MOMENTUM = 0.99


def from_bands(mel: Tensor, filters: Tensor, initial: Tensor | None = None) -> Tensor:
    """The magnitudes `(B, bins, F)` that the `filters (bins, MELS)` turn into `mel (B, MELS, F)`:
    those nearest to the `initial` ones (equal ones where None) by multiplicative updates of the
    Kullback-Leibler divergence (Lee and Seung, NIPS 2001, equation 5); 0 in the bins that no filter
    reads, and the initial ones where there are some."""
    weight = filters.sum(dim=1, keepdim=True)
    shares = filters / weight.clamp(min=1e-8)
    start = torch.ones_like(mel[:, :1]).expand(-1, len(filters), -1) if initial is None else initial
    magnitudes = start
    for _ in range(UPDATES):
        bands = (filters.T @ magnitudes).clamp(min=1e-8)
        magnitudes = magnitudes * (shares @ (mel / bands))
    return magnitudes if initial is None else torch.where(weight > 1e-8, magnitudes, start)


def consistent(
    waveform: Tensor, log_mel: Tensor, filters: Tensor, window: Tensor, iterations: int
) -> Tensor:
    """The `waveform (B, S)` with the magnitudes that `log_mel (B, MELS, F)` asks for, and phases
    that `iterations` of the fast Griffin-Lim algorithm bring into agreement with them (Perraudin et
    al., WASPAA 2013), beginning at the waveform's own."""
    with torch.autocast(waveform.device.type, enabled=False):
        spectrum = _spectrum(waveform.float(), window)
        magnitudes = from_bands(log_mel.float().exp(), filters, spectrum.abs().clamp(min=1e-7))
        phases = spectrum / spectrum.abs().clamp(min=1e-7)
        former = torch.zeros_like(spectrum)
        for _ in range(iterations):
            spectrum = _spectrum(_waveform(magnitudes * phases, window), window)
            ahead = spectrum - former * (MOMENTUM / (1.0 + MOMENTUM))
            phases, former = ahead / ahead.abs().clamp(min=1e-7), spectrum
        return _waveform(magnitudes * phases, window)


def _spectrum(waveform: Tensor, window: Tensor) -> Tensor:
    return torch.stft(
        waveform, WINDOW, HOP, window=window, center=True, pad_mode="constant", return_complex=True
    )


def _waveform(spectrum: Tensor, window: Tensor) -> Tensor:
    return torch.istft(spectrum, WINDOW, HOP, window=window, center=True)
