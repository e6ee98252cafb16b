"""SpeakerFreeContent: a recogniser's bottleneck whose speaker an adversary removes (SIG-VC)."""

import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal
from tasks.conversion.content.base import Read, Speech, Targets, instance_normalised
from tasks.conversion.content.phonetic import PhoneticContent, phone_loss


class SpeakerFreeContent(PhoneticContent):
    """The bottleneck of a phone recogniser, without what tells its speakers apart: a classifier of
    speakers reads it behind a gradient reversal (Zhang et al., "SIG-VC", ICASSP 2022; the
    reversal: Ganin and Lempitsky, ICML 2015).

    The loss is that of the phones plus `adversary_weight` times the cross-entropy of the speakers,
    whose gradient is reversed below the classifier. SIG-VC's other half, that the voice made is the
    target's, is the `consistency` of the task.

    Args:
        speaker_count: Speakers of the training, as the task knows.
        reversal: Its strength rises over the training.
        adversary_hidden: Channels of the classifier of speakers.
        phones, dim, blocks, hidden, width, dropout: See PhoneticContent.
    """

    requires = frozenset({"speaker"})

    def __init__(
        self,
        phones: int,
        speaker_count: int,
        dim: int = 256,
        blocks: int = 6,
        hidden: int = 768,
        width: int = 48,
        dropout: float = 0.1,
        adversary_weight: float = 0.3,
        adversary_hidden: int = 256,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__(phones, dim, blocks, hidden, width, dropout)
        if speaker_count < 2:
            raise ConfigError("content.speaker_count", str(speaker_count), "two speakers or more")
        self.reversal = reversal or GradientReversal()
        self.adversary_weight = adversary_weight
        # neighbouring frames too: a single one tells phones more than speakers
        self.adversary = nn.Sequential(
            nn.Conv1d(width, adversary_hidden, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(adversary_hidden, adversary_hidden, 5, padding=2),
            nn.ReLU(),
        )
        self.speakers = nn.Linear(adversary_hidden, speaker_count)

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        narrow = self.narrow(speech)
        normalised = instance_normalised(narrow.float(), speech.mask)
        if targets is None:
            return Read(normalised.detach())
        loss, accuracy = phone_loss(self.classifier(narrow).float(), targets.phones)
        metrics: dict[str, float | Tensor] = {"phone_accuracy": accuracy}
        if targets.speakers is not None:
            adversary, right = self._adversary_loss(
                self.reversal(normalised, targets.progress), speech.mask, targets.speakers
            )
            loss = loss + self.adversary_weight * adversary
            metrics |= {"adversary_loss": adversary, "speaker_accuracy": right}
        return Read(normalised.detach(), loss, metrics)

    def _adversary_loss(
        self, features: Tensor, mask: Tensor, speakers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the speaker of each recording, from the mean over its frames, and the
        share that is classified correctly."""
        hidden = self.adversary(features.transpose(1, 2)).transpose(1, 2) * mask
        logits = self.speakers(hidden.sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)).float()
        return F.cross_entropy(logits, speakers), (logits.argmax(1) == speakers).float().mean()
