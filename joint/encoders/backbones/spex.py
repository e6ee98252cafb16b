"""The speaker network of SpEx+ (Ge et al., Interspeech 2020, §2.1)."""

from itertools import pairwise

from torch import Tensor, nn

from joint.encoders.backbones.rawnet import pooled
from joint.encoders.frames import FrameNorm, Frames


class PooledBlock(nn.Module):
    """Two linear layers with batch norms around a residual connection, then the maximum of every
    three frames."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, outputs, bias=False)
        self.first_norm = FrameNorm(outputs)
        self.second = nn.Linear(outputs, outputs, bias=False)
        self.second_norm = FrameNorm(outputs)
        self.between, self.after = nn.PReLU(), nn.PReLU()
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """`(B, F, inputs)` → `(B, F / 3, outputs)` and its mask."""
        y = self.between(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return pooled(self.after(y + self.shortcut(x)), mask, 3)


class SpexSpeakerNetwork(nn.Module):
    """A norm, a linear layer, three blocks of 256, 512 and 512 channels: `(B, F, features)` →
    `(B, F / 27, 512)`. It is made for `LearnedFilterbank`."""

    output_dim = 512

    def __init__(self, features: int = 768) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.input = nn.Linear(features, 256)
        widths = (256, 256, 512, self.output_dim)
        self.blocks = nn.ModuleList(
            PooledBlock(inputs, outputs) for inputs, outputs in pairwise(widths)
        )

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and every intermediate one by name."""
        frames = frames.with_features(self.input(self.norm(frames.features)))
        layers = {"input": frames}
        for i, block in enumerate(self.blocks):
            features, mask = block(frames.features, frames.mask)
            frames = frames.pooled(features, mask, 3)
            layers[f"block{i + 1}"] = frames
        return frames, layers
