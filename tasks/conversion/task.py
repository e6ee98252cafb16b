"""Conversion: what one person says, in the voice of another.

source ──► phonetic content ┐
       ──► pitch, energy ───┴─► AcousticModel, conditioned on the target's encoding ──► log-mel
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import FilmFusion
from joint.data.phones import UNKNOWN
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import AcousticModel, Fusion
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling
from joint.synthesis.examples import Examples
from joint.synthesis.lengths import regulate
from joint.synthesis.pitch import pitch_range
from joint.synthesis.spoken import Prosody
from joint.synthesis.task import VoiceLoss, VoiceTask
from joint.synthesis.voice import VoiceRange
from joint.task import Encode, Enrollment, encode_enrollments
from joint.units import Seconds
from tasks.conversion.content import Content, PhoneticContent


class ConversionTask(VoiceTask):
    """Speaks the content of a recording in the voice of an enrolled speaker; source and target may
    be unknown to the training, in which every recording is said again in its own voice, enrolled
    with another recording.

    Args:
        decoder: Makes the MelDecoder; see AcousticModel.
        content: See PhoneticContent; made with as many phones as the corpus has where None.
        fusion: Makes the conditionings on the speaker.
        dim: Channels of the content that the acoustic model reads.
        content_weight, voice_weight: Of the losses of the content's phones and of VoiceRange.
        stretch, consistency, consistency_weight: See VoiceTask.
    """

    acoustic: AcousticModel

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        decoder: Callable[..., MelDecoder],
        content: Callable[..., PhoneticContent] = PhoneticContent,
        fusion: Fusion = FilmFusion,
        dim: int = 256,
        content_weight: float = 1.0,
        voice_weight: float = 0.3,
        stretch: Seconds = 2.5,
        consistency: SpeakerConsistency | None = None,
        consistency_weight: float = 0.3,
    ) -> None:
        super().__init__(phones, stretch, consistency, consistency_weight)
        self.content = content(phones=len(phones))
        self.enter = nn.Linear(self.content.width, dim)
        self.acoustic = AcousticModel(dim, embedding_dim, decoder, fusion)
        self.voice = VoiceRange(embedding_dim)
        self.weights = content_weight, voice_weight

    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """See VoiceTask: the decoder's loss, and those of the content's phones and of the range."""
        spoken, encoding = examples.spoken, examples.encoding
        content = self.content_of(spoken.log_mel, spoken.mask)
        timed = examples.timed
        phones = spoken.cut(regulate(timed.phones[..., None] + 1, timed.durations))[..., 0] - 1
        phonetic, accuracy = self.content.loss(
            content.logits, phones.masked_fill(~spoken.mask, UNKNOWN)
        )
        voice = self.voice.loss(encoding, pitch_range(spoken.pitch))
        loss, decoder, estimate = self.acoustic.loss(
            self.enter(content.features), spoken.prosody, spoken.log_mel, spoken.mask, encoding
        )
        content_weight, voice_weight = self.weights
        loss = loss + content_weight * phonetic + voice_weight * voice
        metrics: dict[str, float | Tensor] = {
            "decoder_loss": decoder,
            "content_loss": phonetic,
            "phone_accuracy": accuracy,
            "voice_loss": voice,
        }
        return VoiceLoss(loss, metrics, estimate)

    def content_of(self, log_mel: Tensor, mask: Tensor) -> Content:
        """The content of `log_mel (B, MELS, F)`, `mask (B, F)`."""
        own = mask.unsqueeze(-1).float()
        content: Content = self.content(self.acoustic.normalised(log_mel) * own, own)
        return content

    def infer(
        self,
        encode: Encode,
        recording: Tensor,
        enrollments: Sequence[Enrollment] = (),
        sampling: Sampling = AS_TRAINED,
    ) -> Tensor:
        """See Task: the log-mel spectrogram `(MELS, S // HOP + 1)` of the recording's content in
        the voice of the one enrolment."""
        if len(enrollments) != 1:
            raise ConfigError("enrolments", str(len(enrollments)), "one: whose voice it becomes")
        encoding = encode_enrollments(encode, enrollments)
        length = torch.tensor([len(recording)], device=recording.device)
        return self.convert(recording[None], length, encoding, sampling)[0]

    def convert(
        self,
        source: Tensor,
        lengths: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
    ) -> Tensor:
        """The log-mel spectrograms `(B, MELS, F)` of recordings `source (B, S)` in the voices of an
        `encoding` of one row each; pitch moves from the source's range to the target's."""
        spoken = self.acoustic.spoken(source, lengths)
        content = self.content_of(spoken.log_mel, spoken.mask)
        relative = pitch_range(spoken.pitch).normalised(spoken.prosody.pitch)
        pitch = self.voice(encoding).restored(relative.clamp(-4.0, 4.0))
        prosody = Prosody(pitch, spoken.prosody.voiced, spoken.prosody.energy)
        features = self.enter(content.features)
        return self.acoustic.sample(features, prosody, spoken.mask, encoding, sampling)
