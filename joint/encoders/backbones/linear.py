"""A backbone of one linear layer, or of none: for front-ends that do the work."""

from torch import nn

from joint.encoders.frames import Frames


class LinearBackbone(nn.Module):
    """`(B, F, features)` → `(B, F, output_dim)`; where that is None the features stay as they
    are."""

    def __init__(self, features: int, output_dim: int | None = None) -> None:
        super().__init__()
        self.output_dim = output_dim or features
        self.linear = nn.Identity() if output_dim is None else nn.Linear(features, output_dim)

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The frames, and no intermediate layer."""
        return frames.with_features(self.linear(frames.features)), {}
