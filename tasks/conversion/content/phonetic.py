"""PhoneticContent: the phones of a recording, frame by frame, without its speaker."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.data.phones import UNKNOWN
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.mel import MELS
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised


class PhoneticContent(Content):
    """Classifies the phone of each frame; the bottleneck before the classifier, normalised over
    the recording, is the content (phonetic posteriorgrams: Sun et al., ICME 2016; bottlenecks: Liu
    et al., TASLP 2021; instance normalisation: Chou and Lee, Interspeech 2019).

    It learns from the phones alone: no gradient of the voice that is made of it reaches it, so that
    it keeps of the speaker only what telling phones apart needs.

    Args:
        dim, blocks, hidden: Of the ConvNeXt blocks.
        width: Channels of the bottleneck: the fewer, the less of the source's voice remains.
        dropout: Of the bands of the input, in whole recordings, while training.
    """

    def __init__(
        self,
        phones: int,
        dim: int = 256,
        blocks: int = 6,
        hidden: int = 768,
        width: int = 48,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.body = ConvNextStack(MELS, dim, blocks, hidden)
        self.bottleneck = nn.Linear(dim, width)
        self.classifier = nn.Linear(width, phones)
        self.dropout = nn.Dropout1d(dropout)
        self.width = width

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        narrow = self.narrow(speech)
        features = instance_normalised(narrow.detach().float(), speech.mask)
        if targets is None:
            return Read(features)
        loss, accuracy = phone_loss(self.classifier(narrow).float(), targets.phones)
        return Read(features, loss, {"phone_accuracy": accuracy})

    def narrow(self, speech: Speech) -> Tensor:
        """The bottleneck `(B, F, width)`."""
        mel = self.dropout(speech.mel.transpose(1, 2)).transpose(1, 2)
        return torch.tanh(self.bottleneck(self.body(mel, speech.mask)))


def phone_loss(logits: Tensor, phones: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy over the frames whose phone is known, and the share of them that is
    classified correctly; `logits (B, F, phones)`, `phones (B, F)`."""
    known = phones != UNKNOWN
    loss = F.cross_entropy(logits[known], phones[known], label_smoothing=0.1)
    return loss, (logits.argmax(dim=2) == phones)[known].float().mean()
