"""MC-SpEx: SpEx+ whose scales exchange what they see, and whose features are modulated by the
speaker before every stack."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion
from joint.units import Samples
from tasks.extraction.extractors.time_domain.blocks import Activation, activation, dilated_blocks
from tasks.extraction.extractors.time_domain.extractor import (
    Bottleneck,
    Separator,
    TimeDomainExtractor,
)
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis
from tasks.extraction.extractors.time_domain.spex_plus import WINDOWS


class ScaleFuser(nn.Module):
    """The scales exchange what they have, through one vector a frame of `features` channels, around
    a residual connection; then a norm and a linear layer as in SpEx+."""

    def __init__(self, scales: int, filters: int, features: int, act: Activation) -> None:
        super().__init__()
        width = scales * filters
        self.exchange = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, features),
            activation(act),
            nn.Linear(features, width),
        )
        self.bottleneck = Bottleneck(scales, filters, features)

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """For each scale `(B, F, filters)` → `(B, F, N)`."""
        exchanged = self.exchange(torch.cat(list(scales), dim=2)).float()
        parts = exchanged.chunk(len(scales), dim=2)
        fused: Tensor = self.bottleneck([a + b for a, b in zip(scales, parts, strict=True)])
        return fused


class InteractiveMasks(nn.Module):
    """A hidden vector for each scale; each scale's mask, after a ReLU, from the hidden vectors of
    all (ScaleInterMG)."""

    def __init__(self, scales: int, features: int, filters: int, act: Activation) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(features, scales * filters), activation(act))
        self.linears = nn.ModuleList(nn.Linear(scales * filters, filters) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        """`(B, F, N)` → for each scale `(B, F, filters)`."""
        hidden = self.hidden(x)
        return [torch.relu(linear(hidden)) for linear in self.linears]


class ConditionalModulation(FilmFusion):
    """Normalised features, scaled and shifted by the speaker, are added to the features (ConSM).
    Untrained, an embedding of zeros adds nothing."""

    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """See EmbeddingFusion."""
        normed = F.layer_norm(features, (self.feature_dim,))
        gain, shift = self.spread(self.gain(speaker), features), self.shift(speaker)
        return features + torch.addcmul(self.spread(shift, features), normed, gain)


class McSpEx(TimeDomainExtractor):
    """MC-SpEx (Chen, Rao, Wang, Lin, Ju, He, Wang and Wu, "MC-SpEx: Towards effective speaker
    extraction with multi-scale interfusion and conditional speaker modulation", Interspeech 2023).

    After the paper's figure 1: the scales are fused (ScaleFuser), the speaker modulates the
    features before every stack (ConSM), and masks are made from all scales together (ScaleInterMG);
    the rest and the loss are SpEx+'s. The shared encoder takes the place of the speaker encoder
    with which the paper shares filters and fuser.

    Neither code nor formulas of the three modules are public: their layers are a reading of the
    abstract and the figure, and the sizes are those of SpEx+.
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
        fusion: Callable[[int, int], Conditioning] = ConditionalModulation,
        activation: Activation = "prelu",
        normalise_level: bool = True,
    ) -> None:
        scales = len(windows)
        super().__init__(
            LearnedFilters(filters, windows, hop),
            ScaleFuser(scales, filters, features, activation),
            Separator(
                [
                    dilated_blocks(blocks, features, hidden, kernel, activation)
                    for _ in range(stacks)
                ],
                [fusion(features, embedding_dim) for _ in range(stacks)],
            ),
            InteractiveMasks(scales, features, filters, activation),
            LearnedSynthesis(filters, windows, hop),
            normalise_level,
        )
