"""What stands around the frames or phones that are to be infilled."""

from collections.abc import Callable

from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack


class ContextStack(nn.Module):
    """ConvNeXt blocks, which tell what is near, then self-attention over the whole sequence, by
    which what is infilled reads the context, however far away it is.

    Args:
        blocks, layers: ConvNeXt blocks and layers of attention.
        hidden: Channels between the linear layers of both.
        fusion: Makes the conditioning on the speaker of each ConvNeXt block.
    """

    def __init__(
        self,
        input_dim: int,
        dim: int,
        blocks: int,
        layers: int,
        hidden: int,
        heads: int,
        fusion: Callable[[int], Conditioning],
    ) -> None:
        super().__init__()
        self.near = ConvNextStack(input_dim, dim, blocks, hidden, fusion)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`x (B, F, input_dim)`, `mask (B, F, 1)` → `(B, F, dim)`."""
        x = self.near(x, mask, encoding)
        padded = mask[..., 0] == 0
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=padded)
        out: Tensor = self.norm(x)
        return out * mask.to(out.dtype)
