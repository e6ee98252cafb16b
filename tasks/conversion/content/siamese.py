"""SiameseContent: content and speaker heads, kept apart by pairs of shifted pitch (ACE-VC)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.losses.base import SpeakerLoss
from joint.losses.margin import AamSoftmax
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import masked_mean
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised
from tasks.conversion.content.features import FrameFeatures
from tasks.conversion.content.perturbation import Perturbation
from tasks.conversion.content.phonetic import phone_loss


class SiameseContent(Content):
    """ACE-VC (Hussain et al., ICASSP 2023): a trunk on SSL features with two heads. The content
    head tells the phones, the speaker head the speakers, and content z_c is to be the same for a
    recording and for the same with its pitch shifted by praat,

        L = L_content + L_speaker + L_disentangle,  L_disentangle = 1 − cos(z_c, z_c').

    The paper's content loss is CTC over text; here frames have phones. Its speaker head feeds the
    synthesizer; here that is the shared encoder's part, and the head only draws the speaker away
    from the content. No gradient of the voice reaches the content.

    Args:
        features: What the trunk reads.
        phones, speaker_count: Of the training, as the task knows.
        dim, blocks, hidden: Of the trunk's ConvNeXt blocks.
        width: Channels of the content.
        speaker_dim: Of the speaker head's embedding.
        criterion: The speakers' loss; called with `embedding_dim` and `speaker_count`.
        semitones: Most that the pitch is shifted by, up or down.
        speaker_weight, siamese_weight: Of two of the losses.

    Raises ConfigError without the package parselmouth.
    """

    requires = frozenset({"speaker"})

    def __init__(
        self,
        features: FrameFeatures,
        phones: int,
        speaker_count: int,
        dim: int = 256,
        blocks: int = 4,
        hidden: int = 768,
        width: int = 48,
        speaker_dim: int = 128,
        criterion: Callable[..., SpeakerLoss] = AamSoftmax,
        semitones: float = 6.0,
        speaker_weight: float = 0.1,
        siamese_weight: float = 1.0,
    ) -> None:
        super().__init__()
        if speaker_count < 2:
            raise ConfigError("content.speaker_count", str(speaker_count), "two speakers or more")
        self.features, self.width = features, width
        self.trunk = ConvNextStack(features.width, dim, blocks, hidden)
        self.content = nn.Linear(dim, width)
        self.classifier = nn.Linear(width, phones)
        self.speaker = nn.Linear(2 * dim, speaker_dim)
        self.criterion = criterion(embedding_dim=speaker_dim, speaker_count=speaker_count)
        # the pitch alone: what NANSY changes besides stays
        self.shifted = Perturbation(formants=1.0, pitch=2 ** (semitones / 12), spread=1.0)
        self.speaker_weight, self.siamese_weight = speaker_weight, siamese_weight

    @property
    def layers(self) -> frozenset[str]:
        """See Content."""
        return self.features.layers

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        trunk, z = self._heads(speech, speech.waveform)
        features = instance_normalised(z.detach(), speech.mask)
        if targets is None:
            return Read(features)
        loss, accuracy = phone_loss(self.classifier(z).float(), targets.phones)
        _, other = self._heads(speech, self.shifted(speech.waveform, speech.lengths))
        apart = masked_mean(1.0 - F.cosine_similarity(z, other, dim=2)[..., None], speech.mask)
        loss = loss + self.siamese_weight * apart
        metrics: dict[str, float | Tensor] = {"phone_accuracy": accuracy, "siamese_loss": apart}
        if targets.speakers is not None:
            voice = self.speaker(_statistics(trunk, speech.mask))
            speaker = self.criterion(voice, targets.speakers, targets.progress)
            loss = loss + self.speaker_weight * speaker
            metrics["speaker_loss"] = speaker
        return Read(features, loss, metrics)

    def _heads(self, speech: Speech, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """The trunk `(B, F, dim)` and the content `(B, F, width)`, float32."""
        read = instance_normalised(self.features(speech, waveform), speech.mask)
        trunk = self.trunk(read, speech.mask)
        return trunk.float(), torch.tanh(self.content(trunk)).float()


def _statistics(x: Tensor, mask: Tensor) -> Tensor:
    """Mean and deviation of `x (B, F, D)` over time, `(B, 2·D)`."""
    count = mask.sum(dim=1).clamp(min=1.0)
    mean = (x * mask).sum(dim=1) / count
    variance = ((x - mean[:, None]).square() * mask).sum(dim=1) / count
    return torch.cat([mean, variance.clamp(min=1e-6).sqrt()], dim=1)
