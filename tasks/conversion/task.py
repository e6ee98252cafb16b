"""Conversion: what one person says, in the voice of another.

source ──► content ───────┐
       ──► pitch, energy ─┴─► AcousticModel, conditioned on the target's encoding ──► log-mel
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import FilmFusion
from joint.data.corpus import Corpus
from joint.data.phones import UNKNOWN
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import AcousticModel, Fusion
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling
from joint.synthesis.examples import FIELDS, Examples
from joint.synthesis.lengths import regulate
from joint.synthesis.pitch import pitch_range
from joint.synthesis.spoken import Prosody, Spoken
from joint.synthesis.task import VoiceLoss, VoiceTask
from joint.synthesis.voice import VoiceRange
from joint.task import Encode, Enrollment, encode_enrollments
from joint.units import Seconds
from tasks.conversion.content.base import Content, Read, Speech, Targets, made
from tasks.conversion.content.phonetic import PhoneticContent


class ConversionTask(VoiceTask):
    """Speaks the content of a recording in the voice of an enrolled speaker; source and target may
    be unknown to the training, in which every recording is said again in its own voice, enrolled
    with another recording.

    Args:
        decoder: Makes the MelDecoder; see AcousticModel.
        content: Makes the Content; what else papers on conversion differ in.
        fusion: Makes the conditionings on the speaker.
        dim: Channels of the content that the acoustic model reads; None: as many as the content
            has, as they are.
        acoustic: Makes the acoustic model, called with `content_dim`, `embedding_dim`, `decoder`
            and `fusion`.
        content_weight, voice_weight: Of the losses of the content and of VoiceRange.
        speaker_count: Speakers of the training, for contents that ask for it.
        stretch, consistency, consistency_weight: See VoiceTask.
    """

    acoustic: AcousticModel
    controls: frozenset[str]
    """Which options of Sampling change something: those of the decoder."""

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        decoder: Callable[..., MelDecoder],
        content: Callable[..., Content] = PhoneticContent,
        fusion: Fusion = FilmFusion,
        dim: int | None = 256,
        content_weight: float = 1.0,
        voice_weight: float = 0.3,
        stretch: Seconds = 2.5,
        consistency: SpeakerConsistency | None = None,
        consistency_weight: float = 0.3,
        acoustic: Callable[..., AcousticModel] = AcousticModel,
        speaker_count: int = 0,
    ) -> None:
        super().__init__(phones, stretch, consistency, consistency_weight)
        self.content = made(content, phones=len(phones), speaker_count=speaker_count)
        width = self.content.width
        self.enter = nn.Identity() if dim is None else nn.Linear(width, dim)
        self.acoustic = acoustic(
            content_dim=width if dim is None else dim,
            embedding_dim=embedding_dim,
            decoder=decoder,
            fusion=fusion,
        )
        self.controls = self.acoustic.decoder.controls
        self.voice = VoiceRange(embedding_dim)
        self.weights = content_weight, voice_weight
        self.layers = self.content.layers

    @property
    def requires(self) -> frozenset[str]:  # type: ignore[override]
        """See Task."""
        return FIELDS | self.content.requires

    def setup(self, corpus: Corpus) -> None:
        """See Task: the mel bands, and what the content needs."""
        super().setup(corpus)
        self.content.setup(corpus)

    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """See VoiceTask: the losses of the decoder, of the content and of the range."""
        spoken, encoding, timed = examples.spoken, examples.encoding, examples.timed
        phones = spoken.cut(regulate(timed.phones[..., None] + 1, timed.durations))[..., 0] - 1
        targets = Targets(
            phones.masked_fill(~spoken.mask, UNKNOWN),
            examples.speakers if self.training else None,  # others are no classes of the training
            examples.progress,
        )
        content = self.content_of(spoken, examples.encode, targets=targets)
        voice = self.voice.loss(encoding, pitch_range(spoken.pitch))
        loss, decoder, estimate = self.acoustic.loss(
            self.enter(content.features),
            self._read_by_acoustic(spoken.prosody),
            spoken.log_mel,
            spoken.mask,
            encoding,
        )
        metrics: dict[str, float | Tensor] = {"decoder_loss": decoder}
        content_weight, voice_weight = self.weights
        if content.loss is not None:
            loss = loss + content_weight * content.loss
            metrics["content_loss"] = content.loss
        loss = loss + voice_weight * voice
        return VoiceLoss(loss, metrics | content.metrics | {"voice_loss": voice}, estimate)

    def content_of(
        self,
        spoken: Spoken,
        encode: Encode | None,
        raised: Tensor | None = None,
        targets: Targets | None = None,
    ) -> Read:
        """The content of recordings, their pitch `raised (B, F)`; see Speech."""
        own = spoken.mask.unsqueeze(-1).float()
        mel = self.acoustic.normalised(spoken.log_mel) * own
        speech = Speech(spoken.waveform, spoken.lengths, mel, own, raised, encode)
        read: Read = self.content(speech, targets)
        return read

    def _read_by_acoustic(self, prosody: Prosody) -> Prosody:
        """Without its pitch where the content has that."""
        if not self.content.has_pitch:
            return prosody
        return replace(prosody, voiced=torch.zeros_like(prosody.voiced))

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
        return self.convert(recording[None], length, encoding, sampling, encode)[0]

    def convert(
        self,
        source: Tensor,
        lengths: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
        encode: Encode | None = None,
        pitch: Tensor | float = 0.0,
    ) -> Tensor:
        """The log-mel spectrograms `(B, MELS, F)` of recordings `source (B, S)` in the voices of an
        `encoding` of one row each; pitch moves from the source's range to the target's, and from
        there by `pitch`, in ln(Hertz), of each frame `(B, F)` or of all.

        Raises ConfigError for a content that reads the shared encoder where `encode` is None.
        """
        spoken = self.acoustic.spoken(source, lengths)
        own = spoken.prosody
        relative = pitch_range(spoken.pitch).normalised(own.pitch)
        moved = self.voice(encoding).restored(relative.clamp(-4.0, 4.0)) + pitch
        content = self.content_of(spoken, encode, moved - own.pitch)
        prosody = self._read_by_acoustic(Prosody(moved, own.voiced, own.energy))
        features = self.enter(content.features)
        return self.acoustic.sample(features, prosody, spoken.mask, encoding, sampling)
