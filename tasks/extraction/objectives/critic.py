"""A critic that predicts how well an estimate is scored, and an extractor that trains to please it.

MetricGAN: Fu, Liao, Tsao, Lin, ICML 2019; the network as in CMGAN: Cao, Abdulatif, Yang,
Interspeech 2022, which WeSep's recipe of DPCCN trains against with PESQ.
"""

from abc import ABC, abstractmethod
from itertools import pairwise

import torch
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.metrics.perceptual import pesq_installed, pesq_score
from joint.metrics.separation import si_sdr_db
from joint.units import Decibels, Samples
from tasks.extraction.extractors.spectrum import Spectrum, compressed


class Score(nn.Module, ABC):
    """How good an estimate is."""

    @abstractmethod
    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """Scores `(B,)`, 0 to 1, of `estimate (B, S)`; NaN where there is none."""


class SiSdrScore(Score):
    """SI-SDR, from `low` as 0 to `high` as 1."""

    def __init__(self, low: Decibels = -10.0, high: Decibels = 30.0) -> None:
        super().__init__()
        if low >= high:
            raise ConfigError("score.low", f"{low:g}", f"below high, {high:g}")
        self.low, self.high = low, high

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """See Score."""
        share = (si_sdr_db(estimate, reference) - self.low) / (self.high - self.low)
        return share.clamp(0.0, 1.0)


class PesqScore(Score):
    """Wide-band PESQ, 1 as 0 and 4.64 as 1; slow, on one core about 0.1 s for 2 s of speech.

    Raises ConfigError where the package `pesq` is not installed.
    """

    LOWEST, HIGHEST = 1.0, 4.64

    def __init__(self) -> None:
        super().__init__()
        if not pesq_installed():
            raise ConfigError("score", "no package pesq", "pip install pesq, or SiSdrScore")

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """See Score."""
        pairs = zip(estimate.float().cpu().numpy(), reference.float().cpu().numpy(), strict=True)
        values = torch.tensor([pesq_score(a, b) for a, b in pairs], device=estimate.device)
        share = (values - self.LOWEST) / (self.HIGHEST - self.LOWEST)
        return share.clamp(0.0, 1.0)


class MetricCritic(nn.Module):
    """Predicts the score of an estimate beside its reference, from two compressed magnitude
    spectra, each at level one.

    It learns the scores of references (1), estimates and mixtures; the extractor learns to be
    scored 1.

    Args:
        score: What it predicts: SI-SDR where None.
        weight: Of the extractor's loss against it.
        begins: Share of the training after which it trains and counts.
        channels: Of the first of four convolutions; they double.
        window, hop: Of the spectra, in samples.
    """

    def __init__(
        self,
        score: Score | None = None,
        weight: float = 0.05,
        begins: float = 0.1,
        channels: int = 16,
        window: Samples = 512,
        hop: Samples = 256,
    ) -> None:
        super().__init__()
        if not 0.0 <= begins <= 1.0:
            raise ConfigError("critic.begins", str(begins), "a share of the training, 0 to 1")
        self.score, self.weight, self.begins = score or SiSdrScore(), weight, begins
        self.spectrum = Spectrum(window, hop)
        sizes = [2, *(channels * 2**i for i in range(4))]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(a, b, 4, 2, 1), nn.InstanceNorm2d(b, affine=True), nn.PReLU(b)
                )
                for a, b in pairwise(sizes)
            )
        )
        self.output = nn.Sequential(
            nn.Linear(sizes[-1], sizes[-2]), nn.PReLU(), nn.Linear(sizes[-2], 1)
        )

    def plays(self, progress: float) -> bool:
        """Whether it counts when a share `progress` of the training is done."""
        return progress >= self.begins

    def forward(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """The predicted score `(B,)` of `estimate (B, S)`, 0 to 1."""
        with torch.autocast(estimate.device.type, enabled=False):
            reference, estimate = reference.float(), estimate.float()
            power = reference.square().mean(dim=1, keepdim=True)
            pair = [self.magnitudes(waveform, power) for waveform in (reference, estimate)]
            features = self.layers(torch.stack(pair, dim=1)).amax(dim=(2, 3))
            return torch.sigmoid(self.output(features).squeeze(1))

    def magnitudes(self, waveform: Tensor, power: Tensor) -> Tensor:
        """`(B, S)` at level one → `(B, T, bins)`. What is 40 dB below the reference, whose `power
        (B, 1)` is given, stays quiet: its level has no finite gradient where it is silent."""
        level = (waveform.square().mean(dim=1, keepdim=True) + 1e-4 * power).sqrt().clamp(min=1e-5)
        spectrum = torch.view_as_real(compressed(self.spectrum(waveform / level), 0.3))
        # the gradient of a complex modulus at 0 is not one
        return spectrum.square().sum(dim=-1).clamp(min=1e-8).sqrt()

    def adversarial(self, estimate: Tensor, reference: Tensor) -> Tensor:
        """The extractor's loss `(B,)`: the squared distance of the predicted score from 1."""
        return (self(estimate, reference) - 1.0).square()

    def own_loss(self, estimate: Tensor, reference: Tensor, mixture: Tensor) -> Tensor:
        """The critic's loss `(B,)`, summed over reference, estimate and mixture, without those that
        have no score."""
        total = (self(reference, reference) - 1.0).square()
        for waveform in (estimate, mixture):
            score = self.score(waveform, reference).to(total.dtype)
            distance = (self(waveform, reference) - score.nan_to_num()).square()
            total = total + torch.where(score.isnan(), torch.zeros_like(distance), distance)
        return total
