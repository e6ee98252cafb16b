"""Band-split extractor: BSRNN (Luo and Yu, TASLP 2023), conditioned on an enrolled speaker."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Hertz, Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.band_split.bands import BandMask, Bands, BandSplit, band_widths
from tasks.extraction.extractors.band_split.profile import BandProfile
from tasks.extraction.extractors.band_split.sequence import published_blocks, small_blocks
from tasks.extraction.extractors.spectrum import Spectrum, compressed, level_of

PUBLISHED_BANDS: tuple[tuple[int, Hertz], ...] = ((15, 100), (10, 200), (5, 500), (1, 2000))
SMALL_BANDS: tuple[tuple[int, Hertz], ...] = ((10, 125), (8, 250), (6, 500), (1, 1000))

FUSE = ("once", "every")
INPUTS = ("complex", "magnitude")


class BandSplitExtractor(Extractor):
    """Bands become features, blocks follow them along time and frequency, each band gets a complex
    mask; `fusion` conditions the features on the speaker before the first block (`once`) or before
    every one.

    `blocks` is called with features, number of bands and depth. `compression` is the power that
    magnitudes are raised to before the bands are read (1: as published); `inputs` says whether the
    bands are real and imaginary parts or magnitudes alone, the mask is complex either way. With
    `profile` every fusion is followed by gains from the spectra of enrolment and mixture.

    Raises ConfigError for a `fuse`, `inputs` or `shared_blocks` that is none.
    """

    def __init__(
        self,
        embedding_dim: int,
        features: int = 128,
        depth: int = 6,
        window: Samples = 512,
        hop: Samples = 128,
        bands: Sequence[tuple[int, Hertz]] = PUBLISHED_BANDS,
        blocks: Callable[[int, int, int], nn.ModuleList] = published_blocks,
        fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
        fuse: Literal["once", "every"] = "once",
        shared_blocks: int = 0,
        mask_hidden: int = 512,
        compression: float = 1.0,
        inputs: Literal["complex", "magnitude"] = "complex",
        profile: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= shared_blocks < depth:
            raise ConfigError("shared_blocks", str(shared_blocks), f"0 to {depth - 1} of {depth}")
        for name, value, known in (("fuse", fuse, FUSE), ("inputs", inputs, INPUTS)):
            if value not in known:
                raise ConfigError(name, repr(value), " or ".join(known))
        self.spectrum = Spectrum(window, hop)
        layout = Bands(band_widths(self.spectrum.bins, [(n, w) for n, w in bands]))
        self.compression, self.shared_blocks = compression, shared_blocks
        self.magnitudes = inputs == "magnitude"
        self.split = BandSplit(layout, features, channels=1 if self.magnitudes else 2)
        self.blocks = blocks(features, layout.count, depth)
        places = depth - shared_blocks if fuse == "every" else 1
        self.fusions = nn.ModuleList(fusion(features, embedding_dim) for _ in range(places))
        self.mask = BandMask(layout, features, mask_hidden)
        self.profile = BandProfile(layout, features, self.spectrum, places) if profile else None

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor. The first `shared_blocks` blocks run once a mixture, for all enrolled
        people together."""
        level = level_of(mixture)
        spectrum = self.spectrum(mixture / level)
        people = len(encoding.embedding) // len(mixture)
        inputs = compressed(spectrum, self.compression)
        x = self.split(
            inputs.abs().unsqueeze(-1) if self.magnitudes else torch.view_as_real(inputs)
        )
        gains = self.profile(spectrum, encoding) if self.profile is not None else []
        for i, block in enumerate(self.blocks):
            conditioned = i - self.shared_blocks
            if conditioned == 0:
                x = repeat(x, "b ... -> (b k) ...", k=people)
            if 0 <= conditioned < len(self.fusions):
                # here the features are conditioned on the enrolled speaker
                x = self.fusions[conditioned](x, encoding)
                x = x * gains[conditioned] if gains else x
            x = block(x)
        level, spectrum = (repeat(v, "b ... -> (b k) ...", k=people) for v in (level, spectrum))
        estimate = spectrum * self.mask(x) * level.unsqueeze(-1)
        return Estimate(self.spectrum.inverse(estimate, mixture.shape[1]), estimate)


def published_bsrnn(
    embedding_dim: int, fusion: Callable[[int, int], Conditioning] = MultiplyFusion
) -> BandSplitExtractor:
    """128 features × 6 blocks, hop 8 ms, as published."""
    return BandSplitExtractor(embedding_dim, fusion=fusion)


def small_bsrnn(
    embedding_dim: int,
    features: int = 48,
    depth: int = 6,
    window: Samples = 1024,
    hop: Samples = 512,
    bottleneck: int = 128,
    recurrent: bool = False,
    cycle: int = 6,
    bands: Sequence[tuple[int, Hertz]] = SMALL_BANDS,
    fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
    fuse: Literal["once", "every"] = "every",
    shared_blocks: int = 0,
    compression: float = 0.3,
    inputs: Literal["complex", "magnitude"] = "magnitude",
    profile: bool = True,
) -> BandSplitExtractor:
    """The size made to be trained on a CPU: windows of 64 ms, which resolve the harmonics of one
    speaker, every 32 ms; wider bands; no LSTM."""

    def blocks(features: int, count: int, depth: int) -> nn.ModuleList:
        return small_blocks(features, count, depth, bottleneck, cycle, recurrent)

    return BandSplitExtractor(
        embedding_dim,
        features,
        depth,
        window,
        hop,
        bands,
        blocks,
        fusion,
        fuse,
        shared_blocks,
        2 * features,
        compression,
        inputs,
        profile,
    )
