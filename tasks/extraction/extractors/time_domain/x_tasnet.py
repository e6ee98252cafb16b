"""X-TaSNet: Conv-TasNet conditioned on a d-vector before each of its stacks."""

from collections.abc import Callable

from joint.conditioning.fusion import ConcatFusion, Conditioning
from joint.units import Samples
from tasks.extraction.extractors.time_domain.blocks import Activation, dilated_blocks
from tasks.extraction.extractors.time_domain.extractor import (
    Bottleneck,
    Masks,
    NormedFusion,
    Separator,
    TimeDomainExtractor,
)
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis


class XTasNet(TimeDomainExtractor):
    """X-TaSNet with a speaker embedding (Zhang, He and Zhang, "X-TaSNet: Robust and accurate
    time-domain speaker extraction network", Interspeech 2020).

    The embedding and the features side by side go through a linear layer, an activation and a norm
    before every stack. The paper's d-vector is of an encoder trained before: here the shared one.
    Its alternating training is a stream with an enrolment of each speaker; its loss for absent
    speakers is not here, the criterion's own term stands for it.

    Not known from the paper's public parts, and so chosen: the places of the embedding and the
    sizes, which are Conv-TasNet's best.
    """

    def __init__(
        self,
        embedding_dim: int,
        filters: int = 512,
        window: Samples = 16,
        hop: Samples = 8,
        features: int = 128,
        hidden: int = 512,
        kernel: int = 3,
        blocks: int = 8,
        stacks: int = 3,
        fusion: Callable[[int, int], Conditioning] = ConcatFusion,
        activation: Activation = "prelu",
        normalise_level: bool = True,
    ) -> None:
        super().__init__(
            LearnedFilters(filters, [window], hop),
            Bottleneck(1, filters, features, over_time=True),
            Separator(
                [
                    dilated_blocks(blocks, features, hidden, kernel, activation)
                    for _ in range(stacks)
                ],
                [
                    NormedFusion(fusion(features, embedding_dim), features, activation)
                    for _ in range(stacks)
                ],
            ),
            Masks(1, features, filters),
            LearnedSynthesis(filters, [window], hop),
            normalise_level,
        )
