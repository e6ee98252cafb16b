"""QuantisedUnet: codes at several time scales, put together again level by level (VQVC+)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.mel import MELS
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised
from tasks.conversion.content.quantised import Quantiser


class QuantisedUnet(Content):
    """VQVC+ (Wu, Chen and Lee, Interspeech 2020): a U-Net whose every way across from the encoder
    to the decoder is normalised over the recording and quantised, so that what the codes of a level
    lose the levels with finer time keep, and none of them hands the speaker over.

    Level i halves the frames of level i − 1: V_i = E_i(V_{i−1}), C_i = Q_i(IN(V_i)), and the
    decoder puts them together from the coarsest on, D_i = f(up(D_{i+1}) + C_i). The loss is the
    mean of the levels' ‖IN(V_i) − C_i‖². The paper adds the speaker, the mean of V_i − C_i, at each
    level of the decoder; here the acoustic model gets the shared encoder's embedding.

    Args:
        codes: Of each level.
        levels: The coarsest one has a frame for 2^levels of the spectrogram.
        width: Channels of a code.
        dim, blocks, hidden: Of the ConvNeXt blocks of each level, on both ways.
    """

    def __init__(
        self,
        codes: int = 256,
        levels: int = 3,
        width: int = 64,
        dim: int = 192,
        blocks: int = 2,
        hidden: int = 384,
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(MELS, dim)
        self.halves = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(levels))
        self.encoders = nn.ModuleList(
            ConvNextStack(dim, dim, blocks, hidden) for _ in range(levels)
        )
        self.narrow = nn.ModuleList(nn.Linear(dim, width) for _ in range(levels))
        self.quantisers = nn.ModuleList(Quantiser(codes, width) for _ in range(levels))
        self.wide = nn.ModuleList(nn.Linear(width, dim) for _ in range(levels))
        self.decoders = nn.ModuleList(
            ConvNextStack(dim, dim, blocks, hidden) for _ in range(levels)
        )
        self.width = dim

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        x, mask = self.enter(speech.mel) * speech.mask, speech.mask
        found, masks = [], []
        for level, encoder in enumerate(self.encoders):
            x, mask = halved(x, mask)
            x = encoder(self.halves[level](x) * mask, mask)
            latent = instance_normalised(self.narrow[level](x).float(), mask)
            found.append(self.quantisers[level](latent, mask))
            masks.append(mask)
        y = self.wide[-1](found[-1].features)
        y = self.decoders[-1](y, masks[-1])
        for level in reversed(range(len(found) - 1)):
            y = self.wide[level](found[level].features) + doubled(y, masks[level])
            y = self.decoders[level](y, masks[level])
        features = doubled(y, speech.mask).float()
        if targets is None:
            return Read(features)
        metrics: dict[str, float | Tensor] = {
            f"perplexity_{level + 1}": each.perplexity for level, each in enumerate(found)
        }
        return Read(features, torch.stack([each.loss for each in found]).mean(), metrics)


def halved(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Two neighbouring frames of `x (B, F, D)` side by side, `(B, ⌈F/2⌉, 2·D)`, and which of them
    are a recording's own, from `mask (B, F, 1)`."""
    odd = x.shape[1] % 2
    pairs = F.pad(x, (0, 0, 0, odd)).unflatten(1, (-1, 2)).flatten(2)
    return pairs, F.pad(mask, (0, 0, 0, odd)).unflatten(1, (-1, 2)).amax(dim=2)


def doubled(x: Tensor, mask: Tensor) -> Tensor:
    """Each frame of `x (B, F, D)` twice, as many as `mask (B, F', 1)` has."""
    return x.repeat_interleave(2, dim=1)[:, : mask.shape[1]] * mask
