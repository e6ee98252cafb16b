"""Synthesis: a text in the voice of an enrolled speaker.

phones ──► encoder ──► durations ──► frames ──► pitch, voicing, energy ──► AcousticModel ──► log-mel
                └────────── every part is conditioned on the speaker's encoding ──────────┘
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion
from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.acoustic import AcousticModel, Fusion, Prosody
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling
from joint.synthesis.examples import FIELDS, aligned_examples, mean_losses, no_examples
from joint.synthesis.lengths import TimedPhones, regulate
from joint.synthesis.mel import HOP
from joint.synthesis.pitch import pitch_range
from joint.synthesis.voice import VoiceRange
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_enrollments
from joint.units import SAMPLE_RATE, Decibels, Seconds
from tasks.synthesis.predictors import DurationPredictor, ProsodyPredictor, whole_frames

DECIBELS = 0.1151293
"""ln(magnitude) of one decibel."""
SEMITONE = 0.0577623
"""ln(Hertz) of one semitone."""
END_SILENCE = 6
"""Most frames of the silence before and after what is spoken."""


@dataclass(frozen=True)
class SpeakingOptions:
    """How a text is spoken: at `rate` times the predicted speed, `pitch` in semitones and `energy`
    above what is predicted; the decoder's `sampling`."""

    rate: float = 1.0
    pitch: float = 0.0
    energy: Decibels = 0.0
    sampling: Sampling = AS_TRAINED


AS_PREDICTED = SpeakingOptions()
"""As the predictors say."""


class SynthesisTask(Task):
    """Speaks the phones of an utterance in the voice of another recording of its speaker.

    Args:
        decoder: Makes the MelDecoder; see AcousticModel.
        fusion: Makes the conditionings on the speaker, of text, predictors and decoder.
        dim, blocks: Of the encoder of phones.
        predictor_dim: Of the predictors.
        duration_weight, prosody_weight: Of the predictors' losses beside the decoder's.
        stretch: Length of the random stretch of each utterance whose frames are computed in a
            training step: more steps in the same time; durations are learnt of all phones.
        consistency: Its loss is added with `consistency_weight`.
    """

    requires: ClassVar[frozenset[str]] = FIELDS

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        decoder: Callable[..., MelDecoder],
        fusion: Fusion = FilmFusion,
        dim: int = 256,
        blocks: int = 4,
        predictor_dim: int = 192,
        duration_weight: float = 0.5,
        prosody_weight: float = 0.3,
        stretch: Seconds = 2.5,
        consistency: SpeakerConsistency | None = None,
        consistency_weight: float = 0.3,
    ) -> None:
        super().__init__()
        if not phones:
            raise ConfigError("data.train", "no phones", "a folder aligned by 'joint align'")

        def conditioned(width: int) -> Conditioning:
            return fusion(width, embedding_dim)

        self.embedding = nn.Embedding(len(phones), dim)
        self.encoder = ConvNextStack(dim, dim, blocks, 3 * dim, conditioned, kernel=5)
        self.durations = DurationPredictor(dim, predictor_dim, 2, conditioned)
        self.prosody = ProsodyPredictor(dim, predictor_dim, 3, conditioned)
        self.voice = VoiceRange(embedding_dim)
        self.acoustic = AcousticModel(dim, embedding_dim, decoder, fusion)
        self.weights = duration_weight, prosody_weight, consistency_weight
        self.consistency, self.longest = consistency, round(stretch * SAMPLE_RATE / HOP)

    def setup(self, corpus: Corpus) -> None:
        """See Task: the mean and the deviation of the mel bands."""
        self.acoustic.setup(corpus)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the utterances whose phones and their times are known."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        examples = aligned_examples(batch, encoding, self.acoustic, self.longest)
        if examples is None:
            return no_examples(self, encoding)
        timed, spoken, encoding = examples.timed, examples.spoken, examples.encoding
        text = self.encode_phones(timed, encoding)
        content = spoken.cut(regulate(text, timed.durations))
        duration = self.durations.loss(text.detach(), timed.durations, timed.mask, encoding)
        voices = pitch_range(spoken.pitch)
        prosody = self.prosody.loss(content, spoken.prosody, voices, spoken.mask, encoding)
        voice = self.voice.loss(encoding, voices)
        loss, decoder, estimate = self.acoustic.loss(
            content, spoken.prosody, spoken.log_mel, spoken.mask, encoding
        )
        duration_weight, prosody_weight, consistency_weight = self.weights
        predicted = prosody.pitch + prosody.voicing + prosody.energy + voice
        loss = loss + duration_weight * duration + prosody_weight * predicted
        metrics: dict[str, float | Tensor] = {
            "decoder_loss": decoder,
            "duration_loss": duration,
            "pitch_loss": prosody.pitch,
            "voicing_loss": prosody.voicing,
            "energy_loss": prosody.energy,
            "voice_loss": voice,
        }
        if self.consistency is not None:
            consistency = self.consistency(encode, estimate, spoken.mask, encoding)
            loss = loss + consistency_weight * consistency
            metrics["consistency_loss"] = consistency
        return TaskOutput(loss, len(examples), metrics)

    def encode_phones(self, timed: TimedPhones, encoding: SpeakerEncoding) -> Tensor:
        """`(B, P, D)`."""
        own = timed.mask.unsqueeze(-1).float()
        encoded: Tensor = self.encoder(
            self.embedding(timed.phones.clamp(min=0)) * own, own, encoding
        )
        return encoded

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: as `speak`; what is given in the recording's place are the phones `(P,)`."""
        if len(enrollments) != 1:
            raise ConfigError("enrolments", str(len(enrollments)), "one: whose voice it is")
        return self.speak(encode, recording, enrollments[0])

    def speak(
        self,
        encode: Encode,
        phones: Tensor,
        enrollment: Enrollment,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """The log-mel spectrogram `(MELS, F)` of `phones (P,)`, silences among them, in the voice
        of the enrolment."""
        encoding = encode_enrollments(encode, [enrollment])
        timed = TimedPhones(phones[None], torch.ones_like(phones)[None])
        text = self.encode_phones(timed, encoding)
        log_frames = self.durations(text, timed.mask.unsqueeze(-1).float(), encoding)
        durations = whole_frames(log_frames, timed.mask, options.rate)
        for end in (0, -1):
            if phones[end] == 0:
                durations[:, end].clamp_(max=END_SILENCE)
        return self.speak_timed(encoding, TimedPhones(timed.phones, durations), options)[0]

    def speak_timed(
        self,
        encoding: SpeakerEncoding,
        timed: TimedPhones,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """The log-mel spectrograms `(B, MELS, F)` of phones with their durations."""
        content = regulate(self.encode_phones(timed, encoding), timed.durations)
        frame = torch.arange(content.shape[1], device=content.device)
        mask = frame[None] < timed.durations.sum(dim=1, keepdim=True)
        prosody = self.prosody(content, self.voice(encoding), mask, encoding)
        asked = Prosody(
            prosody.pitch + SEMITONE * options.pitch,
            prosody.voiced,
            prosody.energy + DECIBELS * options.energy,
        )
        return self.acoustic.sample(content, asked, mask, encoding, options.sampling)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """The losses on held-out utterances, with the same draws each time."""
        return mean_losses(lambda batch: self.loss(encode, batch, 1.0), batches)
