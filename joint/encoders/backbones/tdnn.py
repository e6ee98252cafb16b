"""x-vector TDNN (Snyder et al., ICASSP 2018, table 1)."""

from torch import nn

from joint.encoders.frames import FrameConv, FrameNorm, Frames, Padding


class XvectorTdnn(nn.Module):
    """Five time-delay layers with contexts 5, 3, 3, 1, 1: `(B, F, features)` → `(B, F, 1500)`.

    Borders are padded with zeros, so that the sequence keeps its length. `padding` and the `slope`
    of the activation below zero are for weights that were trained otherwise.
    """

    contexts = ((5, 1), (3, 2), (3, 3), (1, 1), (1, 1))

    def __init__(
        self,
        features: int = 80,
        channels: int = 512,
        output_dim: int = 1500,
        padding: Padding = "zeros",
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.output_dim = output_dim
        widths = [features, channels, channels, channels, channels, output_dim]
        self.convs = nn.ModuleList(
            FrameConv(widths[i], widths[i + 1], kernel, dilation, padding)
            for i, (kernel, dilation) in enumerate(self.contexts)
        )
        self.norms = nn.ModuleList(FrameNorm(width) for width in widths[1:])
        self.activation = nn.LeakyReLU(slope) if slope else nn.ReLU()

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last frame-level layer, and every intermediate one by name."""
        x, layers = frames.features, {}
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = norm(self.activation(conv(x, frames.mask)))
            layers[f"tdnn{i + 1}"] = frames.with_features(x)
        return frames.with_features(x), layers
