"""AcousticModel: content, prosody and a voice become a log-mel spectrogram."""

from collections.abc import Callable

from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling, masked_mean
from joint.synthesis.mel import MELS
from joint.synthesis.spoken import Prosody, SpokenMel

Fusion = Callable[[int, int], Conditioning]
"""Makes a conditioning of features of a width on an embedding of a width."""


class AcousticModel(SpokenMel):
    """Content and prosody of each frame, conditioned on a speaker, become a log-mel spectrogram.

    Args:
        content_dim: Channels of the content.
        decoder: Makes the MelDecoder; called with `feature_dim` and `fusion`.
        fusion: Makes the conditionings on the speaker; called with the widths of the features and
            of the embedding.
        dim, blocks, hidden: Of the ConvNeXt blocks before the decoder.
        prior_weight: Of the L2 distance of a spectrogram that a linear layer predicts from what the
            decoder reads, which brings content and frames together early (Mehta et al., Matcha-TTS,
            ICASSP 2024).
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
        prior_weight: float = 1.0,
    ) -> None:
        super().__init__()

        def conditioned(width: int) -> Conditioning:
            return fusion(width, embedding_dim)

        self.prosody = nn.Linear(3, content_dim)
        self.body = ConvNextStack(content_dim, dim, blocks, hidden, conditioned)
        self.prior = nn.Linear(dim, MELS)
        self.decoder = decoder(feature_dim=dim, fusion=conditioned)
        self.prior_weight = prior_weight

    def loss(
        self,
        content: Tensor,
        prosody: Prosody,
        log_mel: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The decoder's loss with that of the prior; the decoder's alone; and an estimate of
        `log_mel (B, MELS, F)`, which gradients reach.

        `content (B, F, content_dim)`, `mask (B, F)`.
        """
        own = mask.unsqueeze(-1).float()
        mel = self.normalised(log_mel) * own
        features = self._features(content, prosody, own, encoding)
        rough = self.prior(features).float() * own
        prior = masked_mean((rough - mel).square(), own)
        loss, estimate = self.decoder.loss(mel, features, own, encoding, rough=rough)
        return loss + self.prior_weight * prior, loss, self.restored(estimate)

    def sample(
        self,
        content: Tensor,
        prosody: Prosody,
        mask: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
    ) -> Tensor:
        """A spectrogram `(B, MELS, F)`, natural logarithm."""
        own = mask.unsqueeze(-1).float()
        features = self._features(content, prosody, own, encoding)
        rough = self.prior(features).float() * own
        return self.restored(self.decoder.sample(features, own, encoding, sampling, rough))

    def _features(
        self, content: Tensor, prosody: Prosody, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        together = content + self.prosody(prosody.features().to(content.dtype))
        features: Tensor = self.body(together * mask.to(content.dtype), mask, encoding)
        return features
