"""What stands around the frames or phones that are to be infilled, and which these are."""

from collections.abc import Callable

import torch
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


def random_spans(mask: Tensor, least: float, everything: float) -> Tensor:
    """What is to be infilled of sequences, `(B, F)` bool of `mask (B, F)`: of a share `everything`
    of the rows the whole, of others one span at a random place, as long as a share of the row that
    is drawn from `least` to 1 (Le et al., Voicebox, section 3.2)."""
    lengths = mask.sum(dim=1)
    share = least + (1.0 - least) * torch.rand(len(mask), device=mask.device)
    share = share.where(torch.rand(len(mask), device=mask.device) >= everything, 1.0)
    spans = (share * lengths).ceil().long().clamp(min=1)
    starts = (torch.rand(len(mask), device=mask.device) * (lengths - spans + 1)).long()
    place = torch.arange(mask.shape[1], device=mask.device)
    inside = (place >= starts[:, None]) & (place < (starts + spans)[:, None])
    return inside & mask
