"""BSRNN with group norms (Luo and Yu, TASLP 2023), as its authors' code and WeSep have it: each
norm reads a whole sequence, where `BandSplitExtractor` normalises every position by itself."""

from collections.abc import Callable, Sequence

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.conditioning.tf_map import TfMap
from joint.layers.grouped import GroupedLinear
from joint.outputs import SpeakerEncoding
from joint.units import Hertz, Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.band_split.bands import (
    PUBLISHED_BANDS,
    BandMask,
    BandNorm,
    Bands,
    BandSplit,
    band_widths,
)
from tasks.extraction.extractors.band_split.layer_map import LayerMap, enrolled_magnitudes
from tasks.extraction.extractors.band_split.places import Places, places_of
from tasks.extraction.extractors.band_split.sequence import published_blocks
from tasks.extraction.extractors.spectrum import Spectrum

EPSILON = torch.finfo(torch.float32).eps


class SequenceNorm(nn.Module):
    """Normalises each sequence over its steps and features together."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """`x (L, R, N)`: R sequences of L steps."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            variance, mean = torch.var_mean(x, dim=(0, 2), keepdim=True, correction=0)
            return (x - mean) * (variance + EPSILON).rsqrt() * self.gain + self.shift


class DeepBandMask(BandMask):
    """A mask from two hidden layers; every band has its own, and a norm over time."""

    def __init__(self, bands: Bands, features: int, hidden: int) -> None:
        super().__init__(bands, features, hidden)
        self.norm = BandNorm(bands.count, features, EPSILON)
        self.second = GroupedLinear(bands.count, hidden, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """`x (B, T, bands, N)` → complex `(B, T, bins)`."""
        first = torch.tanh(self.hidden(self.norm(x)))
        return self.masks(torch.tanh(self.second(first)))


def group_norm_blocks(features: int, bands: int, blocks: int) -> nn.ModuleList:
    """The published LSTMs, each behind a norm over its sequences."""
    made = published_blocks(features, bands, blocks)
    for block in made:
        for layer in block.children():
            layer.norm = SequenceNorm(features)
    return made


class GroupNormExtractor(Extractor):
    """Bands become features, LSTMs follow them along time and frequency, each band gets a complex
    mask; `fusion` conditions the features on the speaker before the first block (`once`), before
    `every` one, or before those of given numbers. With `tf_map` the bands have a third channel, the
    spectrum that the target is expected to have there, from the enrolment's recording (see
    `TfMap`); with a `map_layer` from that layer of the encoder too (see `LayerMap`).

    A mixture twice as loud gives an estimate twice as loud; its bands are normalised at the
    mixture's own level, so in bands below about -70 dB this holds no more. Raises ConfigError for a
    `fuse` that is none.
    """

    def __init__(
        self,
        embedding_dim: int,
        features: int = 128,
        depth: int = 6,
        window: Samples = 512,
        hop: Samples = 128,
        bands: Sequence[tuple[int, Hertz]] = PUBLISHED_BANDS,
        fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
        fuse: Places = "once",
        tf_map: bool = False,
        map_layer: str | None = None,
    ) -> None:
        super().__init__()
        self.spectrum = Spectrum(window, hop, plain=True)
        layout = Bands(band_widths(self.spectrum.bins, [(n, w) for n, w in bands]))
        self.map = TfMap(sharpness=1.0) if tf_map else None
        self.layer_map = None if map_layer is None else LayerMap(map_layer, self.spectrum)
        self.mapped = tf_map or map_layer is not None
        self.split = BandSplit(layout, features, 3 if self.mapped else 2, EPSILON)
        self.blocks = group_norm_blocks(features, layout.count, depth)
        self.places = places_of("fuse", fuse, 0, depth)
        self.fusions = nn.ModuleList(fusion(features, embedding_dim) for _ in self.places)
        self.mask = DeepBandMask(layout, features, 4 * features)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        spectrum, people = self.spectrum(mixture), len(encoding.embedding) // len(mixture)
        mixed = repeat(spectrum, "b ... -> (b k) ...", k=people)
        if self.mapped:
            expected = self.expected(mixed.abs(), encoding)
            x = self.split(torch.cat([torch.view_as_real(mixed), expected[..., None]], dim=3))
        else:
            x = repeat(self.split(torch.view_as_real(spectrum)), "b ... -> (b k) ...", k=people)
        for i, block in enumerate(self.blocks):
            if i in self.places:
                x = self.fusions[self.places.index(i)](x, encoding)
            x = block(x)
        estimate = mixed * self.mask(x)
        return Estimate(self.spectrum.inverse(estimate, mixture.shape[1]), estimate)

    def expected(self, magnitude: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """Magnitudes `(B·K, T, bins)` of the mixture → those that the target is expected to have.
        Raises ConfigError for a kept embedding."""
        if self.layer_map is not None:
            found: Tensor = self.layer_map(magnitude, encoding)
            return found
        assert self.map is not None
        enrolled = enrolled_magnitudes(self.spectrum, encoding, "extractor.tf_map")
        found = self.map(magnitude, *enrolled)
        return found
