"""Losses of a vocoder: on spectrograms, and of the game against discriminators."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.synthesis.adversarial.discriminators import Judgement


class SpectralLoss(nn.Module):
    """Multi-resolution STFT loss: spectral convergence plus the L1 distance of log magnitudes, the
    mean over the `windows` in samples, a quarter apart (Yamamoto et al., Parallel WaveGAN, ICASSP
    2020, equations 4 to 6)."""

    def __init__(self, windows: Sequence[int] = (2048, 1024, 512, 256, 128)) -> None:
        super().__init__()
        self.windows = tuple(windows)
        for window in self.windows:
            self.register_buffer(f"taper_{window}", torch.hann_window(window), persistent=False)

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """Mean over the recordings of two `(B, S)`."""
        losses = []
        for window in self.windows:
            a, b = (self._magnitude(x, window) for x in (estimate, reference))
            convergence = (b - a).norm(dim=(1, 2)) / b.norm(dim=(1, 2)).clamp(min=1e-3)
            losses.append(convergence.mean() + (a.log() - b.log()).abs().mean())
        return torch.stack(losses).mean()

    def _magnitude(self, x: Tensor, window: int) -> Tensor:
        taper = self.get_buffer(f"taper_{window}")
        spectrum = torch.stft(x.float(), window, window // 4, window=taper, return_complex=True)
        return torch.view_as_real(spectrum).square().sum(dim=-1).clamp(min=1e-8).sqrt()


def discriminator_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """Hinge loss: real scores above 1, those of made waveforms below -1; mean over the
    discriminators (Siuzdak, ICLR 2024, equation 3)."""
    pairs = zip(real, made, strict=True)
    return torch.stack(
        [F.relu(1.0 - r).mean() + F.relu(1.0 + m).mean() for (r, _), (m, _) in pairs]
    ).mean()


def generator_loss(made: Sequence[Judgement]) -> Tensor:
    """Hinge loss of the generator: its waveforms' scores above 1; mean over the discriminators."""
    return torch.stack([F.relu(1.0 - scores).mean() for scores, _ in made]).mean()


def feature_loss(real: Sequence[Judgement], made: Sequence[Judgement]) -> Tensor:
    """L1 distance of the discriminators' features, the mean over all layers (Kumar et al., MelGAN,
    NeurIPS 2019)."""
    distances = [
        F.l1_loss(m.float(), r.detach().float())
        for (_, real_features), (_, made_features) in zip(real, made, strict=True)
        for r, m in zip(real_features, made_features, strict=True)
    ]
    return torch.stack(distances).mean()
