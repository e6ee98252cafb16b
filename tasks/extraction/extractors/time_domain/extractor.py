"""What extractors in the time domain have in common: filters, a separator, masks, synthesis."""

from collections.abc import Sequence

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.spectrum import level_of
from tasks.extraction.extractors.time_domain.blocks import Activation, GlobalNorm, activation
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis


class Bottleneck(nn.Module):
    """All scales, side by side, to one vector a frame: a norm and a linear layer. `over_time`: the
    norm is a global one, else each frame has its own."""

    def __init__(self, scales: int, filters: int, features: int, over_time: bool = False) -> None:
        super().__init__()
        width = scales * filters
        self.norm: nn.Module = GlobalNorm(width) if over_time else nn.LayerNorm(width)
        self.linear = nn.Linear(width, features)

    def forward(self, scales: Sequence[Tensor]) -> Tensor:
        """For each scale `(B, F, filters)` → `(B, F, N)`."""
        projected: Tensor = self.linear(self.norm(torch.cat(list(scales), dim=2)))
        return projected


class Masks(nn.Module):
    """A mask for each scale, from a linear layer and a ReLU."""

    def __init__(self, scales: int, features: int, filters: int) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(features, filters) for _ in range(scales))

    def forward(self, x: Tensor) -> list[Tensor]:
        """`(B, F, N)` → for each scale `(B, F, filters)`."""
        return [torch.relu(linear(x)) for linear in self.linears]


class Separator(nn.Module):
    """Stacks of blocks, each with a conditioning before it (`entries`), or in its first block."""

    def __init__(
        self, stacks: Sequence[nn.ModuleList], entries: Sequence[Conditioning] = ()
    ) -> None:
        super().__init__()
        self.stacks = nn.ModuleList(stacks)
        self.entries = nn.ModuleList(entries)

    def forward(self, x: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`(B, F, N)` and the encoding of `B·K` enrolments → `(B·K, F, N)`."""
        x = repeat(x, "b f n -> (b k) f n", k=len(encoding.embedding) // len(x))
        for i, stack in enumerate(self.stacks):
            x = self.entries[i](x, encoding) if len(self.entries) else x
            assert isinstance(stack, nn.ModuleList)
            for block in stack:
                x = block(x, encoding)
        return x


class NormedFusion(Conditioning):
    """A fusion, an activation and a global norm, before a stack of blocks."""

    def __init__(self, fusion: Conditioning, features: int, act: Activation) -> None:
        super().__init__()
        self.fusion = fusion
        self.after = nn.Sequential(activation(act), GlobalNorm(features))

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning."""
        fused: Tensor = self.after(self.fusion(features, encoding))
        return fused


class TimeDomainExtractor(Extractor):
    """Learned filters become features (`bottleneck`), a `separator` conditions them on the enrolled
    speaker, `masks` weight the filters' outputs, learned synthesis makes the waveform.

    Of several scales the shortest gives the waveform; the others are further estimates, which a
    loss may compare too. A mixture is brought to level 1 and the estimate back, so that a louder
    mixture gives as much louder an estimate; the published networks leave out that step
    (`normalise_level` false).
    """

    def __init__(
        self,
        filters: LearnedFilters,
        bottleneck: nn.Module,
        separator: nn.Module,
        masks: nn.Module,
        synthesis: LearnedSynthesis,
        normalise_level: bool = True,
    ) -> None:
        super().__init__()
        self.filters, self.bottleneck, self.separator = filters, bottleneck, separator
        self.masks, self.synthesis, self.normalise_level = masks, synthesis, normalise_level

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        level = level_of(mixture) if self.normalise_level else mixture.new_ones(len(mixture), 1)
        scales = self.filters(mixture / level)
        masks = self.masks(self.separator(self.bottleneck(scales), encoding))
        people = len(encoding.embedding) // len(mixture)
        scales = [repeat(scale, "b f n -> (b k) f n", k=people) for scale in scales]
        masked = [scale * mask.float() for scale, mask in zip(scales, masks, strict=True)]
        level = repeat(level, "b one -> (b k) one", k=people)
        waveforms = self.synthesis(masked, mixture.shape[1])
        first, *others = (level * waveform for waveform in waveforms)
        return Estimate(first, others=tuple(others))
