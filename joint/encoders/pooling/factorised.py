"""Multi-head factorised attentive pooling, for the layers of a pretrained transformer."""

import torch
from torch import Tensor, nn

from joint.encoders.frames import Frames
from joint.errors import ConfigError


class FactorisedPooling(nn.Module):
    """MHFA (Peng et al., "An attention-based backend allowing efficient fine-tuning of transformer
    models for speaker verification", SLT 2022): `(B, F, 2·D)`, keys and values side by
    side, → `(B, heads · channels)`.

    Both are compressed to `channels`; of each head, keys give the weights over time under which
    the values are averaged. Raises ConfigError for features that cannot be keys and values.
    """

    def __init__(self, input_dim: int, heads: int = 64, channels: int = 128) -> None:
        super().__init__()
        if input_dim % 2:
            raise ConfigError(
                "pooling", f"{input_dim} features", "keys and values, as many of each"
            )
        self.output_dim = heads * channels
        self.keys = nn.Linear(input_dim // 2, channels)
        self.values = nn.Linear(input_dim // 2, channels)
        self.attention = nn.Linear(channels, heads)

    def forward(self, frames: Frames) -> Tensor:
        """See the class."""
        keys, values = frames.features.chunk(2, dim=-1)
        scores = self.attention(self.keys(keys)).float()
        if frames.mask is not None:
            scores = scores.masked_fill(~frames.mask.unsqueeze(-1), float("-inf"))
        weights = scores.softmax(dim=1)
        pooled = torch.einsum("bfh,bfd->bhd", weights, self.values(values).float())
        return pooled.flatten(1)
