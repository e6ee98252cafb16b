"""TD-SpeakerBeam: Conv-TasNet whose features are adapted to the speaker after one block."""

from collections.abc import Callable

import torch
from einops import repeat
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, MultiplyFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractors.time_domain.blocks import Activation, ConvBlock, activation
from tasks.extraction.extractors.time_domain.extractor import (
    Bottleneck,
    Masks,
    TimeDomainExtractor,
)
from tasks.extraction.extractors.time_domain.filters import LearnedFilters, LearnedSynthesis


class AdaptedSeparator(nn.Module):
    """Blocks with skip connections; what block `adapted` gives, to the next and to the sum, is
    conditioned on the speaker. Blocks up to that one run once a mixture."""

    def __init__(
        self, blocks: list[ConvBlock], adapted: int, fusions: list[Conditioning], act: Activation
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.fusions = nn.ModuleList(fusions)
        self.adapted = adapted
        self.after = activation(act)

    def forward(self, x: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`(B, F, N)` and the encoding of `B·K` enrolments → `(B·K, F, N)`."""
        people = len(encoding.embedding) // len(x)
        total = torch.zeros_like(x, dtype=torch.float32)
        for i, block in enumerate(self.blocks):
            assert isinstance(block, ConvBlock) and block.skip is not None
            hidden = block.hidden(x)
            outputs = [layer(hidden) for layer in (block.skip, block.residual) if layer is not None]
            if i == self.adapted:
                x, total, *outputs = (
                    repeat(part, "b f n -> (b k) f n", k=people) for part in (x, total, *outputs)
                )
                both = zip(self.fusions, outputs, strict=True)
                outputs = [fusion(part, encoding) for fusion, part in both]
            total = total + outputs[0]
            x = x.float() + outputs[-1]  # after the last block not read
        summed: Tensor = self.after(total)
        return summed


class SpeakerBeam(TimeDomainExtractor):
    """Time-domain SpeakerBeam (Delcroix, Ochiai, Zmolikova et al., "Improving speaker
    discrimination of target speech extraction with time-domain SpeakerBeam", ICASSP 2020).

    Conv-TasNet with skip connections; `fusion` is a multiplicative adaptation layer after block
    `adapted` (of `stacks · blocks`, from 0), one for the skip connection and one for what goes on.
    The defaults are those of the authors' code, at 8 kHz there. The shared encoder takes the place
    of the paper's auxiliary network, and a linear layer that of its last one.

    Raises ConfigError for an `adapted` that is no block, or the last one.
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
        adapted: int = 7,
        fusion: Callable[[int, int], Conditioning] = MultiplyFusion,
        activation: Activation = "prelu",
        normalise_level: bool = True,
    ) -> None:
        count = stacks * blocks
        if not 0 <= adapted < count - 1:
            raise ConfigError("adapted", str(adapted), f"a block before the last, 0 to {count - 2}")
        chain = [
            ConvBlock(
                features,
                hidden,
                2 ** (i % blocks),
                kernel,
                activation,
                skip=True,
                last=i == count - 1,
            )
            for i in range(count)
        ]
        fusions = [fusion(features, embedding_dim) for _ in range(2)]
        super().__init__(
            LearnedFilters(filters, [window], hop, rectified=False),
            Bottleneck(1, filters, features, over_time=True),
            AdaptedSeparator(chain, adapted, fusions, activation),
            Masks(1, features, filters),
            LearnedSynthesis(filters, [window], hop),
            normalise_level,
        )
