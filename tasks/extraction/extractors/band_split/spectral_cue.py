"""The TF-Map as an input of a band-split extractor."""

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.tf_map import TfMap
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.band_split.bands import Bands, BandSplit
from tasks.extraction.extractors.enrolled import enrolled_recording, first
from tasks.extraction.extractors.spectrum import Spectrum, compressed


class SpectralCue(nn.Module):
    """A further input channel: the TF-Map of mixture and enrolment, compressed as the mixture is,
    split into the same bands by weights of its own. Its features are added to the mixture's, so
    that what does not depend on the speaker is still computed once a mixture. Untrained it adds
    little: a trained extractor can go on with it."""

    def __init__(
        self, tf_map: TfMap, bands: Bands, features: int, spectrum: Spectrum, compression: float
    ) -> None:
        super().__init__()
        self.tf_map, self.spectrum, self.compression = tf_map, spectrum, compression
        self.split = BandSplit(bands, features, channels=1)
        with torch.no_grad():
            for parameter in self.split.linears.parameters():
                parameter.mul_(0.1)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`mixture`, complex `(B, T, bins)` at level 1, and `B·K` enrolments, K for each mixture in
        turn → `(B·K, T, bands, N)`."""
        expected = compressed(self.expected(mixture, encoding), self.compression)
        features: Tensor = self.split(expected.unsqueeze(-1))
        return features

    @torch.no_grad()
    def expected(self, mixture: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """The TF-Map `(B·K, T, bins)`."""
        waveform, lengths = enrolled_recording(encoding, "extractor.tf_map")
        enrolled = self.spectrum(waveform).abs()
        mask = first(self.spectrum.frames(lengths), enrolled.shape[1])
        people = len(enrolled) // len(mixture)
        mixed = repeat(mixture.abs(), "b t f -> (b k) t f", k=people)
        return self.tf_map(mixed, enrolled, mask)
