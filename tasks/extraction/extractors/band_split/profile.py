"""Band profiles: statistics of the spectra of enrolment and mixture, beside the embedding."""

import torch
from einops import repeat
from torch import Tensor, nn

from joint.layers.grouped import GroupedLinear
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.band_split.bands import Bands
from tasks.extraction.extractors.enrolled import enrolled_recording
from tasks.extraction.extractors.spectrum import Spectrum, compressed

POWER = 0.3
TYPICAL = 0.8
"""About the mean of compressed magnitudes at level 1, taken off so that the inputs are centred."""


class BandProfile(nn.Module):
    """Gains for every band and feature, from the mean and the deviation over the loud frames of the
    compressed magnitudes of enrolment and mixture: where the mixture has more than this speaker
    ever has, somebody else is speaking. `places` gains, one for each fusion.

    What it brings on unseen speakers stands in recipes/speechocean762/README.md.
    """

    def __init__(self, bands: Bands, features: int, spectrum: Spectrum, places: int) -> None:
        super().__init__()
        self.bands, self.spectrum = bands, spectrum
        self.linears = nn.ModuleList(
            GroupedLinear(count, 4 * width, features) for count, width in bands.runs
        )
        self.norm = nn.LayerNorm(features)
        self.gains = nn.ModuleList(nn.Linear(features, features) for _ in range(places))
        for gain in self.gains:
            assert isinstance(gain, nn.Linear)
            nn.init.ones_(gain.bias)

    def statistics(self, spectrum: Tensor) -> Tensor:
        """Complex `(B, T, bins)` at level 1 → mean and deviation over time, `(B, bins, 2)`; frames
        count by their energy, so that silence and padding do not."""
        magnitude = compressed(spectrum, POWER).abs()
        weight = magnitude.mean(dim=2, keepdim=True).square()
        weight = weight / weight.sum(dim=1, keepdim=True).clamp(min=1e-5)
        mean = (magnitude * weight).sum(dim=1)
        spread = ((magnitude - mean[:, None]).square() * weight).sum(dim=1)
        return torch.stack([mean - TYPICAL, spread.clamp(min=1e-6).sqrt()], dim=-1)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> list[Tensor]:
        """`mixture`, complex `(B, T, bins)` at level 1, and `B·K` enrolments, K for each mixture in
        turn → for each fusion the gains `(B·K, 1, bands, N)`."""
        waveform, _ = enrolled_recording(encoding, "extractor.profile")
        with torch.no_grad():
            enrolled = self.statistics(self.spectrum(waveform))
            people = len(enrolled) // len(mixture)
            mixed = repeat(self.statistics(mixture), "b f c -> (b k) f c", k=people)
            both = torch.cat([enrolled, mixed], dim=2)
        parts = self.bands.split(both.unsqueeze(1))
        hidden = [linear(part) for linear, part in zip(self.linears, parts, strict=True)]
        described = self.norm(torch.relu(torch.cat(hidden, dim=2)))
        return [gain(described) for gain in self.gains]
