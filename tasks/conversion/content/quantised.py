"""QuantisedContent: each frame becomes the nearest of a few learnt codes (VQVC)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.synthesis.codec.quantizer import Codebook
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import masked_mean
from joint.synthesis.mel import MELS
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised


class Quantised(NamedTuple):
    """`features (B, F, D)` with a straight-through gradient, the codes `chosen (B, F)`, the `loss`
    that brings the features to the codes, and the `perplexity` of the codes' use."""

    features: Tensor
    chosen: Tensor
    loss: Tensor
    perplexity: Tensor


class Quantiser(nn.Module):
    """The nearest of `codes` vectors in place of each frame (van den Oord et al., NeurIPS 2017).

    Codes are moving averages of frames, and begin as such; the loss is commitment · ‖v − sg(c)‖²
    (the last term of their equation 3; sg stops the gradient). Frames have one length (Yu et al.,
    "Vector-quantized image modeling", ICLR 2022).
    """

    def __init__(self, codes: int, width: int, commitment: float = 0.25) -> None:
        super().__init__()
        self.codebook = Codebook(codes, width)
        self.commitment, self.length = commitment, width**0.5

    def forward(self, x: Tensor, mask: Tensor) -> Quantised:
        """`x (B, F, D)`, of which the frames of `mask (B, F, 1)` count."""
        v = F.normalize(x.float(), dim=2)
        if self.training:
            self.codebook.update(v[mask[..., 0] > 0])
        index = self.codebook.nearest(v)
        nearest = self.codebook.vectors[index]
        loss = self.commitment * masked_mean((v - nearest).square(), mask)
        through = (v + (nearest - v).detach()) * mask
        return Quantised(self.length * through, index, loss, self._perplexity(index, mask))

    def _perplexity(self, index: Tensor, mask: Tensor) -> Tensor:
        """exp of the entropy of the codes in these frames."""
        used = torch.zeros_like(self.codebook.use)
        used.scatter_add_(0, index.flatten(), mask.flatten().float())
        share = used / used.sum().clamp(min=1.0)
        return torch.special.entr(share).sum().exp()


class QuantisedContent(Content):
    """VQVC (Wu and Lee, ICASSP 2020): what an encoder makes of the spectrogram is normalised over
    the recording, IN(V), and quantised, C = Q(IN(V)); loss ‖IN(V) − C‖² (their latent loss) beside
    the reconstruction's, whose gradient goes through Q to the encoder.

    What quantising takes away is the speaker: where the paper has V − C on average for it, the
    acoustic model is conditioned on the shared encoder's embedding.

    Args:
        codes: How many: the fewer, the less of the speaker, and of the words, remains.
        width: Channels of a code.
        dim, blocks, hidden: Of the ConvNeXt blocks.
    """

    def __init__(
        self,
        codes: int = 128,
        width: int = 48,
        dim: int = 256,
        blocks: int = 4,
        hidden: int = 768,
    ) -> None:
        super().__init__()
        self.encoder = ConvNextStack(MELS, dim, blocks, hidden)
        self.narrow = nn.Linear(dim, width)
        self.quantiser = Quantiser(codes, width)
        self.width = width

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        latent = self.narrow(self.encoder(speech.mel, speech.mask)).float()
        found = self.quantiser(instance_normalised(latent, speech.mask), speech.mask)
        if targets is None:
            return Read(found.features)
        return Read(found.features, found.loss, {"perplexity": found.perplexity})
