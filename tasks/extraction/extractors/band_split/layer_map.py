"""Expected spectra of the target from frames of the encoder: a TF-Map that compares what the
encoder makes of mixture and enrolment in place of their spectra."""

import torch
import torch.nn.functional as F
from einops import repeat
from torch import Tensor

from joint.conditioning.fusion import Conditioning
from joint.errors import ConfigError
from joint.layers.reflection import reflected
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractors.enrolled import first
from tasks.extraction.extractors.spectrum import Spectrum


class LayerMap(Conditioning):
    """For every frame of the mixture a mean of the enrolment's spectra, weighted by a softmax of
    the cosines between the frames of the encoder's `layer`, at the size of the mixture's projection
    on it (Zhang et al., ICASSP 2025, as WeSep has it). It has no parameters.

    The encoder must have a frame where `spectrum` has one, and the mixture's encoding must be
    there.
    """

    reads_mixture = True

    def __init__(self, layer: str, spectrum: Spectrum) -> None:
        super().__init__()
        self.layer, self.layers = layer, frozenset({layer})
        self.spectrum = spectrum

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """Magnitudes `(B·K, T, bins)` of the mixture → expected ones. Raises ConfigError."""
        if encoding.mixture is None:
            raise ConfigError("extractor.tf_map", "a mixture that was not encoded", "its encoding")
        own = encoding.need_layer(self.layer, "extractor.tf_map")
        mixed = encoding.mixture.need_layer(self.layer, "extractor.tf_map")
        magnitude, _ = enrolled_magnitudes(self.spectrum, encoding, "extractor.tf_map")
        frames = own.features.shape[2], mixed.features.shape[2]
        if frames != (magnitude.shape[1], features.shape[1]):
            expected = f"the spectra's, {magnitude.shape[1]} and {features.shape[1]}"
            raise ConfigError("extractor.tf_map", f"{frames[0]} and {frames[1]} frames", expected)
        with torch.autocast(features.device.type, enabled=False):
            query = F.normalize(mixed.features.float(), dim=1).transpose(1, 2)
            query = repeat(query, "b t d -> (b k) t d", k=len(features) // len(query))
            cosine = query @ F.normalize(own.features.float(), dim=1)
            weight = cosine.masked_fill(~own.mask[:, None], -torch.inf).softmax(dim=2)
            shape = F.normalize(weight @ magnitude, dim=2)
            return (features * shape).sum(dim=2, keepdim=True) * shape


def enrolled_magnitudes(
    spectrum: Spectrum, encoding: SpeakerEncoding, reader: str
) -> tuple[Tensor, Tensor]:
    """Magnitudes `(B·K, F, bins)` of the enrolments and the mask `(B·K, F)` of their frames, each
    recording mirrored at its own end. Raises ConfigError, naming the `reader`, for a kept
    embedding."""
    waveform, lengths = encoding.need_recording(reader)
    whole = reflected(waveform.float(), lengths, spectrum.window // 2)
    with torch.autocast(waveform.device.type, enabled=False):
        frames = whole.unfold(1, spectrum.window, spectrum.hop) * spectrum.hann
        magnitude = torch.fft.rfft(frames).abs()
    return magnitude, first(spectrum.frames(lengths), magnitude.shape[1])
