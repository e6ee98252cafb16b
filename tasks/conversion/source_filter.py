"""SourceFilterModel: a spectrogram as the sum of what the pitch and what the words make (NANSY)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import FilmFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import AcousticModel, Fusion, Prosody
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling, masked_mean
from joint.synthesis.decoders.regression import RegressionDecoder
from tasks.conversion.content.yingram import BINS


class SourceFilterModel(AcousticModel):
    """Two generators whose log-mel spectrograms are added, each conditioned on the speaker: the
    filter of the words, the source of the pitch; both read the energy (Choi et al., "NANSY",
    NeurIPS 2021). The loss is their L1 distance; the paper has an adversary besides.

    Args:
        content_dim: Channels of both; the last `source_dim` are those of the pitch.
        decoder: Makes a RegressionDecoder for each; what is drawn cannot be added.
        embedding_dim, fusion, dim, blocks, hidden: See AcousticModel; of each.

    Raises ConfigError for another decoder.
    """

    def __init__(
        self,
        content_dim: int,
        embedding_dim: int,
        decoder: Callable[..., MelDecoder],
        fusion: Fusion = FilmFusion,
        dim: int = 256,
        blocks: int = 2,
        hidden: int = 512,
        source_dim: int = BINS,
    ) -> None:
        words = content_dim - source_dim
        super().__init__(words, embedding_dim, decoder, fusion, dim, blocks, hidden, 0.0)
        if not isinstance(self.decoder, RegressionDecoder):
            found = type(self.decoder).__name__
            raise ConfigError("acoustic", found, "a RegressionDecoder: two spectrograms are added")
        self.prior.requires_grad_(False)  # of the flow alone
        self.split = [words, source_dim]
        self.source_prosody = nn.Linear(3, source_dim)
        self.source_body = ConvNextStack(
            source_dim, dim, blocks, hidden, lambda width: fusion(width, embedding_dim)
        )
        self.source_decoder = decoder(
            feature_dim=dim, fusion=lambda width: fusion(width, embedding_dim)
        )

    def loss(
        self,
        content: Tensor,
        prosody: Prosody,
        log_mel: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See AcousticModel."""
        own = mask.unsqueeze(-1).float()
        made = self._sum(content, prosody, own, encoding)
        loss = masked_mean((made - self.normalised(log_mel)).abs(), own)
        return loss, loss, self.restored(made)

    def sample(
        self,
        content: Tensor,
        prosody: Prosody,
        mask: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
    ) -> Tensor:
        """See AcousticModel; nothing is drawn."""
        return self.restored(self._sum(content, prosody, mask.unsqueeze(-1).float(), encoding))

    def _sum(
        self, content: Tensor, prosody: Prosody, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        words, pitch = torch.split(content, self.split, dim=2)
        of_filter = self._features(words, prosody, mask, encoding)
        source = pitch + self.source_prosody(prosody.features().to(pitch.dtype))
        of_source = self.source_body(source * mask, mask, encoding)
        return self.decoder.sample(of_filter, mask, encoding) + self.source_decoder.sample(
            of_source, mask, encoding
        )
