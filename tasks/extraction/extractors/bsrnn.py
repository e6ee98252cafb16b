"""Band-split extractor: BSRNN (Luo and Yu, TASLP 2023), conditioned on an enrolled speaker."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.conditioning.local_similarity import LocalSimilarity
from joint.conditioning.tf_map import TfMap
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Hertz, Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.band_split.bands import (
    PUBLISHED_BANDS,
    BandMask,
    Bands,
    BandSplit,
    band_widths,
)
from tasks.extraction.extractors.band_split.places import Places, places_of
from tasks.extraction.extractors.band_split.profile import BandProfile
from tasks.extraction.extractors.band_split.sequence import published_blocks, small_blocks
from tasks.extraction.extractors.band_split.spectral_cue import SpectralCue
from tasks.extraction.extractors.spectrum import Spectrum, compressed, level_of

SMALL_BANDS: tuple[tuple[int, Hertz], ...] = ((10, 125), (8, 250), (6, 500), (1, 1000))

Fusion = Callable[[int, int], Conditioning]
"""Makes a conditioning of features of a width on an embedding of a width."""
INPUTS = ("complex", "magnitude")


class BandSplitExtractor(Extractor):
    """Bands become features, blocks follow them along time and frequency, each band gets a complex
    mask. What is known of the speaker comes in by one cue or several:

    - `fusion` conditions the features on the embedding before the first block (`fuse: once`),
      before every one, or before those of given numbers; None for no embedding;
    - `contextual`, another conditioning, such as CrossAttentionFusion on the enrolment's frames or
      on a named layer of the encoder, stands at the places of `contextual_fuse`;
    - `tf_map` is a further input, the spectrum that is expected of the speaker in each frame;
    - `similarity` is one too: how similar each second of the mixture is to the speaker;
    - with `profile`, gains from the spectra of enrolment and mixture stand at the places of `fuse`.

    `blocks` is called with features, number of bands and depth; the first `shared_blocks` of them
    run once a mixture, for all enrolled people together, before any cue. `compression` is the power
    that magnitudes are raised to before the bands are read (1: as published); `inputs` says whether
    the bands are real and imaginary parts or magnitudes alone, the mask is complex either way.

    Raises ConfigError for a `fuse`, `contextual_fuse`, `inputs` or `shared_blocks` that is none,
    and where there is no cue at all.
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
        fusion: Fusion | None = MultiplyFusion,
        fuse: Places = "once",
        shared_blocks: int = 0,
        mask_hidden: int = 512,
        compression: float = 1.0,
        inputs: Literal["complex", "magnitude"] = "complex",
        profile: bool = False,
        tf_map: TfMap | None = None,
        contextual: Fusion | None = None,
        contextual_fuse: Places = "once",
        similarity: Callable[[int], LocalSimilarity] | None = None,
    ) -> None:
        super().__init__()
        if not 0 <= shared_blocks < depth:
            raise ConfigError("shared_blocks", str(shared_blocks), f"0 to {depth - 1} of {depth}")
        if inputs not in INPUTS:
            raise ConfigError("inputs", repr(inputs), " or ".join(INPUTS))
        if not (fusion or profile or tf_map or contextual or similarity):
            raise ConfigError(
                "fusion", "no cue of the speaker", "one, such as a fusion or a tf_map"
            )
        self.spectrum = Spectrum(window, hop)
        layout = Bands(band_widths(self.spectrum.bins, [(n, w) for n, w in bands]))
        self.compression, self.shared_blocks = compression, shared_blocks
        self.magnitudes = inputs == "magnitude"
        self.split = BandSplit(layout, features, channels=1 if self.magnitudes else 2)
        self.blocks = blocks(features, layout.count, depth)
        self.places = places_of("fuse", fuse, shared_blocks, depth)
        made = [fusion(features, embedding_dim) for _ in self.places] if fusion else []
        self.fusions = nn.ModuleList(made)
        self.mask = BandMask(layout, features, mask_hidden)
        places = len(self.places)
        self.profile = BandProfile(layout, features, self.spectrum, places) if profile else None
        self.contextual_places = places_of("contextual_fuse", contextual_fuse, shared_blocks, depth)
        made = [contextual(features, embedding_dim) for _ in self.contextual_places if contextual]
        self.contextual = nn.ModuleList(made)
        self.spectral: SpectralCue | None = None
        if tf_map is not None:
            self.spectral = SpectralCue(tf_map, layout, features, self.spectrum, compression)
        self.similarity = similarity(features) if similarity is not None else None

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        level = level_of(mixture)
        spectrum = self.spectrum(mixture / level)
        people = len(encoding.embedding) // len(mixture)
        inputs = compressed(spectrum, self.compression)
        x = self.split(
            inputs.abs().unsqueeze(-1) if self.magnitudes else torch.view_as_real(inputs)
        )
        gains = self.profile(spectrum, encoding) if self.profile is not None else []
        for i, block in enumerate(self.blocks):
            if i == self.shared_blocks:
                x = repeat(x, "b ... -> (b k) ...", k=people)
                x = self._with_inputs(x, spectrum, encoding)
            x = block(self._conditioned(i, x, encoding, gains))
        level, spectrum = (repeat(v, "b ... -> (b k) ...", k=people) for v in (level, spectrum))
        estimate = spectrum * self.mask(x) * level.unsqueeze(-1)
        return Estimate(self.spectrum.inverse(estimate, mixture.shape[1]), estimate)

    def _with_inputs(self, x: Tensor, spectrum: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`x (B·K, T, bands, N)` with the inputs that depend on the speaker."""
        if self.spectral is not None:
            x = x + self.spectral(spectrum, encoding)
        if self.similarity is not None:
            if encoding.similarity is None:
                found = "an encoding without the mixture's similarities"
                raise ConfigError(
                    "extractor.similarity", found, "an ExtractionTask, which measures"
                )
            nothing = x.new_zeros(len(x), x.shape[1], x.shape[3])
            frames = Frames(nothing, None, self.spectrum.hop)
            x = x + self.similarity.add(frames, encoding.similarity).features.unsqueeze(2)
        return x

    def _conditioned(
        self, block: int, x: Tensor, encoding: SpeakerEncoding, gains: Sequence[Tensor]
    ) -> Tensor:
        """Here `x (B·K, T, bands, N)` is conditioned on the enrolled speaker, before a block."""
        if block in self.places:
            place = self.places.index(block)
            x = self.fusions[place](x, encoding) if self.fusions else x
            x = x * gains[place] if gains else x
        if self.contextual and block in self.contextual_places:
            x = self.contextual[self.contextual_places.index(block)](x, encoding)
        return x


def published_bsrnn(
    embedding_dim: int,
    fusion: Fusion | None = MultiplyFusion,
    fuse: Places = "once",
    tf_map: TfMap | None = None,
    contextual: Fusion | None = None,
    contextual_fuse: Places = "once",
) -> BandSplitExtractor:
    """128 features × 6 blocks, hop 8 ms, as published."""
    return BandSplitExtractor(
        embedding_dim,
        fusion=fusion,
        fuse=fuse,
        tf_map=tf_map,
        contextual=contextual,
        contextual_fuse=contextual_fuse,
    )


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
    fusion: Fusion | None = MultiplyFusion,
    fuse: Places = "every",
    shared_blocks: int = 0,
    compression: float = 0.3,
    inputs: Literal["complex", "magnitude"] = "magnitude",
    profile: bool = True,
    tf_map: TfMap | None = None,
    contextual: Fusion | None = None,
    contextual_fuse: Places = "once",
    similarity: Callable[[int], LocalSimilarity] | None = None,
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
        tf_map,
        contextual,
        contextual_fuse,
        similarity,
    )
