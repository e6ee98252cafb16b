"""A decoder that predicts the spectrogram at once."""

from collections.abc import Callable

from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling, masked_mean
from joint.synthesis.mel import MELS


class RegressionDecoder(MelDecoder):
    """ConvNeXt blocks and the L1 distance, as in FastSpeech 2 (Ren et al., ICLR 2021)."""

    def __init__(
        self,
        feature_dim: int,
        fusion: Callable[[int], Conditioning],
        dim: int = 256,
        blocks: int = 8,
        hidden: int = 768,
    ) -> None:
        super().__init__()
        self.body = ConvNextStack(feature_dim, dim, blocks, hidden, fusion)
        self.output = nn.Linear(dim, MELS)

    def loss(
        self,
        mel: Tensor,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        counted: Tensor | None = None,
        rough: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See MelDecoder."""
        estimate = self.sample(features, mask, encoding)
        return masked_mean((estimate - mel).abs(), mask if counted is None else counted), estimate

    def sample(
        self,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
        rough: Tensor | None = None,
    ) -> Tensor:
        """See MelDecoder; nothing is drawn."""
        mel: Tensor = self.output(self.body(features, mask, encoding))
        return mel.float() * mask
