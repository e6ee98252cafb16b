"""The codec: recordings become codes and recordings again, against discriminators; the first
quantiser learns to tell phones apart."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.data.frame_phones import phones_at
from joint.data.phones import UNKNOWN, need_phones
from joint.errors import ConfigError
from joint.scene import SceneBatch
from joint.synthesis.adversarial.copying import Copies, CopyTask, recordings
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.codec.codec import CODE_HOP, CODE_OFFSET, Codec
from joint.synthesis.level import levelled
from joint.task import Encode, Enrollment
from joint.units import Seconds

OF_PHONES = frozenset({"enrollment_phones", "enrollment_phone_ends"})


class CodecTask(CopyTask):
    """Trains a codec on recordings of single speakers, at the usual level; the encoder is not used.

    The semantic distillation of SpeechTokenizer (Zhang et al., ICLR 2024, section 3.3), whose
    teacher is a self-supervised model or its units: here the aligned phones are the teacher. A
    linear layer classifies the phone of each frame from the first quantiser's vectors, and its
    cross-entropy reaches the encoder.

    Args:
        phones: The inventory of the corpus; needed where there is a `phone_weight`.
        codec: See Codec.
        waveform_from: Share of the training after which the waveform is made and compared too; the
            log-mel alone costs a third of the time.
        discriminators, discriminators_from, judged: See CopyTask.
        mel_weight, spectral_weight, feature_weight: See CopyTask; the first also weighs the log-mel
            before the vocoder.
        commitment_weight: Of the distance between latents and their vectors.
        phone_weight: Of the distillation; 0: none, and no phones are needed.
    """

    def __init__(
        self,
        phones: Sequence[str],
        codec: Codec,
        discriminators: Discriminators | None = None,
        waveform_from: float = 0.4,
        discriminators_from: float = 0.6,
        judged: Seconds = 0.4,
        mel_weight: float = 15.0,
        spectral_weight: float = 1.0,
        feature_weight: float = 2.0,
        commitment_weight: float = 1.0,
        phone_weight: float = 1.0,
    ) -> None:
        super().__init__(
            discriminators, discriminators_from, judged, mel_weight, spectral_weight, feature_weight
        )
        if waveform_from > discriminators_from:
            expected = f"at most discriminators_from, {discriminators_from:g}"
            raise ConfigError("waveform_from", f"{waveform_from:g}", expected)
        self.codec, self.waveform_from = codec, waveform_from
        self.commitment_weight, self.phone_weight = commitment_weight, phone_weight
        self.classifier: nn.Linear | None = None
        if phone_weight:
            need_phones(phones)
            self.classifier = nn.Linear(codec.quantizer.width, len(phones))

    @property
    def fields(self) -> frozenset[str]:
        """See Task: phones too, where the first quantiser learns them."""
        return self.requires | (OF_PHONES if self.phone_weight else frozenset())

    def copies(self, batch: SceneBatch, progress: float) -> Copies:
        """See CopyTask: with the losses of log-mel, commitment and phones."""
        reference = levelled(recordings(batch))
        found = self.codec(reference)
        log_mel = F.l1_loss(found.log_mel, found.target)
        loss = self.weights[0] * log_mel + self.commitment_weight * found.commitment
        metrics: dict[str, float | Tensor] = {
            "log_mel_error": log_mel,
            "commitment_loss": found.commitment,
        }
        if self.classifier is not None:
            phones, accuracy = self._phone_loss(found.first, batch)
            loss = loss + self.phone_weight * phones
            metrics |= {"phone_loss": phones, "phone_accuracy": accuracy}
        made = self.codec.vocoder(found.log_mel) if progress >= self.waveform_from else None
        return Copies(reference, made, loss, metrics)

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: the waveform `(S,)` that all quantisers leave of the recording."""
        return self.codec.copy_of(recording)

    def _phone_loss(self, first: Tensor, batch: SceneBatch) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy over the frames whose phone is known, and the share of them that is
        classified correctly; 0 where none is known."""
        assert self.classifier is not None
        logits = self.classifier(first).float()
        if batch.enrollment_phones is None or batch.enrollment_phone_ends is None:
            return 0.0 * logits.sum(), logits.new_zeros(())
        phones, ends = (
            x.flatten(0, 1) for x in (batch.enrollment_phones, batch.enrollment_phone_ends)
        )
        centres = CODE_OFFSET + CODE_HOP * torch.arange(first.shape[1], device=first.device)
        targets = phones_at(centres, phones, ends)
        known = targets != UNKNOWN
        total = F.cross_entropy(logits[known], targets[known], reduction="sum")
        count = known.sum().clamp(min=1)
        return total / count, (logits.argmax(dim=2) == targets)[known].sum() / count
