"""What each band of the enrolment sounds like, beside what the encoder says of its speaker."""

import torch
from torch import Tensor, nn

from joint.outputs import SpeakerEncoding
from tasks.extraction.bands import BandLinear, Bands
from tasks.extraction.spectrum import Spectrum, compressed, level_of

POWER = 0.3
TYPICAL = 0.8
"""About the mean of compressed magnitudes at level 1, taken off so that the inputs are centred."""


class BandProfile(nn.Module):
    """Gains for every band and feature, from the mean and the deviation over the enrolment's loud
    frames of its compressed magnitudes: the long-term spectrum and the pitch that a margin loss
    may have taught the encoder to ignore. `places` gains, one for each fusion.

    What it brings on unseen speakers stands in recipes/speechocean762/README.md.
    """

    def __init__(self, bands: Bands, features: int, spectrum: Spectrum, places: int) -> None:
        super().__init__()
        self.bands, self.spectrum = bands, spectrum
        self.linears = nn.ModuleList(
            BandLinear(count, 2 * width, features) for count, width in bands.runs
        )
        self.norm = nn.LayerNorm(features)
        self.gains = nn.ModuleList(nn.Linear(features, features) for _ in range(places))
        for gain in self.gains:
            assert isinstance(gain, nn.Linear)
            nn.init.ones_(gain.bias)

    def statistics(self, waveform: Tensor, lengths: Tensor) -> Tensor:
        """`(B, S)` → mean and deviation over time, `(B, bins, 2)`; frames count by their energy, so
        that silence and padding do not."""
        with torch.no_grad():
            spectrum = self.spectrum(waveform / level_of(waveform, lengths))
            magnitude = compressed(spectrum, POWER).abs()
            weight = magnitude.mean(dim=2, keepdim=True).square()
            weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-5)
            mean = (magnitude * weight).sum(dim=1)
            spread = ((magnitude - mean[:, None]).square() * weight).sum(dim=1)
            return torch.stack([mean - TYPICAL, spread.clamp(min=1e-6).sqrt()], dim=-1)

    def forward(self, encoding: SpeakerEncoding) -> list[Tensor]:
        """For each fusion the gains `(B, 1, bands, N)`."""
        parts = self.bands.split(self.statistics(encoding.waveform, encoding.lengths).unsqueeze(1))
        hidden = [linear(part) for linear, part in zip(self.linears, parts, strict=True)]
        described = self.norm(torch.relu(torch.cat(hidden, dim=2)))
        return [gain(described) for gain in self.gains]
