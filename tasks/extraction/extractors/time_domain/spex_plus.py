"""SpEx+: filters of three lengths, the speaker joined to the features in every stack."""

from collections.abc import Callable, Sequence

from joint.conditioning.fusion import AddFusion, Conditioning
from joint.units import Samples
from tasks.extraction.extractors.time_domain.blocks import Activation, dilated_blocks
from tasks.extraction.extractors.time_domain.extractor import (
    Bottleneck,
    Masks,
    Separator,
    TimeDomainExtractor,
)
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis

WINDOWS: tuple[Samples, ...] = (20, 80, 160)
"""2.5, 10 and 20 ms at the paper's 8 kHz."""


class SpExPlus(TimeDomainExtractor):
    """SpEx+ (Ge, Xu, Wang, Chng, Dang and Li, "SpEx+: A complete time domain speaker extraction
    network", Interspeech 2020).

    The first layer of each stack reads features and embedding side by side: `fusion` adds the
    embedding's part of that product to its hidden channels. The loss compares all three scales
    (`ExtractionLoss.scale_weights`), and the speaker loss is the verification task beside
    extraction, on the shared encoder, which takes the place of the paper's speaker encoder.
    """

    def __init__(
        self,
        embedding_dim: int,
        filters: int = 256,
        windows: Sequence[Samples] = WINDOWS,
        hop: Samples = 10,
        features: int = 256,
        hidden: int = 512,
        kernel: int = 3,
        blocks: int = 8,
        stacks: int = 4,
        fusion: Callable[[int, int], Conditioning] = AddFusion,
        activation: Activation = "prelu",
        normalise_level: bool = True,
    ) -> None:
        scales = len(windows)
        fusions = [fusion(hidden, embedding_dim) for _ in range(stacks)]
        super().__init__(
            LearnedFilters(filters, windows, hop),
            Bottleneck(scales, filters, features),
            Separator(
                [dilated_blocks(blocks, features, hidden, kernel, activation, f) for f in fusions]
            ),
            Masks(scales, features, filters),
            LearnedSynthesis(filters, windows, hop),
            normalise_level,
        )
