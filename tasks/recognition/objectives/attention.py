"""An attention decoder: reads the core's frames and writes one symbol after the other."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames


class AttentionDecoder(nn.Module):
    """Transformer decoder (Vaswani et al., NeurIPS 2017); one symbol more than the `vocabulary`
    begins and ends a sequence. `smoothing` is the share of the target that all symbols get."""

    def __init__(
        self,
        vocabulary: int,
        width: int,
        layers: int = 2,
        heads: int = 4,
        hidden: int = 576,
        dropout: float = 0.1,
        smoothing: float = 0.1,
    ) -> None:
        super().__init__()
        self.border, self.smoothing = vocabulary, smoothing
        self.embedding = nn.Embedding(vocabulary + 1, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.layers = nn.ModuleList(
            nn.TransformerDecoderLayer(
                width, heads, hidden, dropout, batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, vocabulary + 1)

    def forward(self, heard: Frames, before: Tensor) -> Tensor:
        """What comes after each of the symbols `before (B, L)`: log-probabilities
        `(B, L, vocabulary + 1)`, float32."""
        x = self.embedding(before) * before.new_tensor(self.norm.normalized_shape[0]).sqrt()
        x = x + positions(x.shape[1], x.shape[2], x.device)
        ahead = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).triu(1)
        hidden = None if heard.mask is None else ~heard.mask
        for layer in self.layers:
            x = layer(x, heard.features, tgt_mask=ahead, memory_key_padding_mask=hidden)
        scores: Tensor = self.output(self.norm(x))
        return scores.float().log_softmax(dim=-1)

    def losses(self, heard: Frames, ids: Tensor, counts: Tensor) -> Tensor:
        """Negative log-likelihood of `ids (B, P)`, of which `counts (B,)` count, and of the end
        after them, `(B,)` in nats."""
        border = ids.new_full((len(ids), 1), self.border)
        place = torch.arange(ids.shape[1] + 1, device=ids.device)
        padded = F.pad(ids, (0, 1))
        target = torch.where(place == counts[:, None], self.border, padded)
        before = torch.cat([border, ids.clamp(min=0)], dim=1)
        scores = self(heard, before)
        right = scores.gather(2, target.clamp(min=0).unsqueeze(2)).squeeze(2)
        each = (1.0 - self.smoothing) * right + self.smoothing * scores.mean(dim=2)
        return -(each * (place <= counts[:, None])).sum(dim=1)


def positions(length: int, width: int, device: torch.device) -> Tensor:
    """Sinusoids of the places 0 … length-1, `(length, width)`."""
    place = torch.arange(length, device=device)[:, None]
    rate = 10_000.0 ** (-torch.arange(0, width, 2, device=device) / width)
    return torch.stack([(place * rate).sin(), (place * rate).cos()], dim=2).flatten(1)
