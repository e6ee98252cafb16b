"""The TF-Map as an input of a band-split extractor."""

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.tf_map import TfMap
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.band_split.bands import Bands, BandSplit
from tasks.extraction.extractors.spectrum import Spectrum, compressed, level_of


class SpectralCue(nn.Module):
    """A further input channel: the TF-Map of mixture and enrolment, compressed as the mixture is,
    split into the same bands by weights of its own. Its features are added to the mixture's, so
    that what does not depend on the speaker is still computed once a mixture."""

    def __init__(
        self, tf_map: TfMap, bands: Bands, features: int, spectrum: Spectrum, compression: float
    ) -> None:
        super().__init__()
        self.tf_map, self.spectrum, self.compression = tf_map, spectrum, compression
        self.split = BandSplit(bands, features, channels=1)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`mixture`, complex `(B, T, bins)` at level 1, and `B·K` enrolments, K for each mixture in
        turn → `(B·K, T, bands, N)`."""
        expected = compressed(self.expected(mixture, encoding), self.compression)
        features: Tensor = self.split(expected.unsqueeze(-1))
        return features

    @torch.no_grad()
    def expected(self, mixture: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """The TF-Map `(B·K, T, bins)`."""
        waveform, lengths = encoding.need_recording("extractor.tf_map")
        own = torch.arange(waveform.shape[1], device=waveform.device) < lengths[:, None]
        enrolled = self.spectrum(waveform * own / level_of(waveform * own, lengths)).abs()
        frames = torch.arange(enrolled.shape[1], device=waveform.device)
        # the last frame that counts is centred on a recording's last sample or before it
        mask = (frames - 1) * self.spectrum.hop < lengths[:, None]
        people = len(enrolled) // len(mixture)
        mixed = repeat(mixture.abs(), "b t f -> (b k) t f", k=people)
        return self.tf_map(mixed, enrolled, mask)
