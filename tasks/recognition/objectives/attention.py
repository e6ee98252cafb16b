"""An attention decoder: attends to the core's frames and gives one symbol after the other."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames, frame_counts
from joint.layers.espnet import espnet_class


class AttentionDecoder(nn.Module):
    """Espnet's Transformer decoder (Vaswani et al., NeurIPS 2017) with its loss.

    `border`, one symbol more than the `vocabulary`, begins and ends a sequence. `smoothing` is the
    share of the target distribution that is spread over all symbols (Szegedy et al., CVPR 2016).
    Raises ConfigError where espnet is not installed.
    """

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
        decoder = espnet_class(
            "espnet2.asr.decoder.transformer_decoder", "TransformerDecoder", "attention decoder"
        )
        self.border, self.smoothing = vocabulary, smoothing
        self.network: nn.Module = decoder(
            vocab_size=vocabulary + 1,
            encoder_output_size=width,
            attention_heads=heads,
            linear_units=hidden,
            num_blocks=layers,
            dropout_rate=dropout,
            positional_dropout_rate=dropout,
            self_attention_dropout_rate=dropout,
            src_attention_dropout_rate=dropout,
            use_flash_attn=False,
        )
        # espnet multiplies embeddings by the root of the width, so that they are of size 1 then
        nn.init.normal_(self.network.get_parameter("embed.0.weight"), std=width**-0.5)

    def forward(self, hidden: Frames, previous: Tensor, lengths: Tensor) -> Tensor:
        """Log-probabilities of the symbol after each of `previous (B, L)`, of which `lengths (B,)`
        count: `(B, L, vocabulary + 1)`, float32."""
        frames = frame_counts(hidden.full_mask())
        scores, _ = self.network(hidden.features, frames, previous, lengths)
        log_probabilities: Tensor = scores.float().log_softmax(dim=-1)
        return log_probabilities

    def losses(self, hidden: Frames, ids: Tensor, counts: Tensor) -> Tensor:
        """Negative log-likelihood of `ids (B, P)`, of which `counts (B,)` count, and of the border
        after them: `(B,)` in nats."""
        ids = ids[:, : int(counts.max())].clamp(min=0)
        border = ids.new_full((len(ids), 1), self.border)
        place = torch.arange(ids.shape[1] + 1, device=ids.device)
        target = torch.where(place == counts[:, None], self.border, F.pad(ids, (0, 1)))
        scores = self(hidden, torch.cat([border, ids], dim=1), counts + 1)
        right = scores.gather(2, target.unsqueeze(2)).squeeze(2)
        each = (1.0 - self.smoothing) * right + self.smoothing * scores.mean(dim=2)
        return -(each * (place <= counts[:, None])).sum(dim=1)
