"""Synthesis: a text in the voice of an enrolled speaker.

phones ──► encoder ──► durations ──► frames ──► pitch, voicing, energy ──► AcousticModel ──► log-mel
                └────────── every part is conditioned on the speaker's encoding ──────────┘
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import AcousticModel, Fusion
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import MelDecoder
from joint.synthesis.examples import Examples
from joint.synthesis.lengths import TimedPhones, frames_mask, regulate
from joint.synthesis.speaking import AS_PREDICTED, SpeakingOptions, SpeakingTask
from joint.synthesis.spoken import Prosody
from joint.synthesis.task import VoiceLoss, VoiceTask
from joint.synthesis.timing.durations import END_SILENCE, DurationPredictor, whole_frames
from joint.synthesis.voice import VoiceRange
from joint.units import Seconds
from tasks.synthesis.predictors import ProsodyPredictor

DECIBELS = 0.1151293
"""ln(magnitude) of one decibel."""
SEMITONE = 0.0577623
"""ln(Hertz) of one semitone."""


class SynthesisTask(VoiceTask, SpeakingTask):
    """Speaks the phones of an utterance in the voice of another recording of its speaker.

    Args:
        decoder: Makes the MelDecoder; see AcousticModel.
        fusion: Makes the conditionings on the speaker, of text, predictors and decoder.
        dim, blocks: Of the encoder of phones.
        predictor_dim: Of the predictors.
        duration_weight, prosody_weight: Of the predictors' losses beside the decoder's.
        stretch, consistency, consistency_weight: See VoiceTask; durations are learnt of all phones.
    """

    acoustic: AcousticModel

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
        super().__init__(phones, stretch, consistency, consistency_weight)

        def conditioned(width: int) -> Conditioning:
            return fusion(width, embedding_dim)

        self.embedding = nn.Embedding(len(phones), dim)
        self.encoder = ConvNextStack(dim, dim, blocks, 3 * dim, conditioned, kernel=5)
        self.durations = DurationPredictor(dim, predictor_dim, 2, conditioned)
        self.prosody = ProsodyPredictor(dim, predictor_dim, 3, conditioned)
        self.voice = VoiceRange(embedding_dim)
        self.acoustic = AcousticModel(dim, embedding_dim, decoder, fusion)
        self.controls = frozenset({"rate", "pitch"}) | self.acoustic.decoder.controls
        self.weights = duration_weight, prosody_weight

    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """See VoiceTask: the decoder's loss and those of the predictors."""
        timed, spoken, encoding = examples.timed, examples.spoken, examples.encoding
        text = self.encode_phones(timed, encoding)
        content = spoken.cut(regulate(text, timed.durations))
        duration = self.durations.loss(text.detach(), timed.durations, timed.mask, encoding)
        with torch.no_grad():
            voices = self.voice(encoding)  # what the pitch is restored by when a text is spoken
        prosody = self.prosody.loss(content, spoken.prosody, voices, spoken.mask, encoding)
        voice = self.voice.loss(encoding, voices)
        loss, decoder, estimate = self.acoustic.loss(
            content, spoken.prosody, spoken.log_mel, spoken.mask, encoding
        )
        duration_weight, prosody_weight = self.weights
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
        return VoiceLoss(loss, metrics, estimate)

    def encode_phones(self, timed: TimedPhones, encoding: SpeakerEncoding) -> Tensor:
        """`(B, P, D)`."""
        own = timed.mask.unsqueeze(-1).float()
        encoded: Tensor = self.encoder(
            self.embedding(timed.phones.clamp(min=0)) * own, own, encoding
        )
        return encoded

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the log-mel spectrogram."""
        timed = TimedPhones(phones[None], torch.ones_like(phones)[None])
        text = self.encode_phones(timed, encoding)
        log_frames = self.durations(text, timed.mask.unsqueeze(-1).float(), encoding)
        durations = whole_frames(log_frames, timed.mask, options.rate)
        for end in (0, -1):
            if phones[end] == 0:
                durations[:, end].clamp_(max=END_SILENCE)
        return self._spoken(encoding, text, durations, options)[0]

    def speak_timed(
        self,
        encoding: SpeakerEncoding,
        timed: TimedPhones,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """The log-mel spectrograms `(B, MELS, F)` of phones with their durations."""
        text = self.encode_phones(timed, encoding)
        return self._spoken(encoding, text, timed.durations, options)

    def _spoken(
        self, encoding: SpeakerEncoding, text: Tensor, durations: Tensor, options: SpeakingOptions
    ) -> Tensor:
        """The log-mel spectrograms of encoded phones `text (B, P, D)`."""
        content, mask = regulate(text, durations), frames_mask(durations)
        prosody = self.prosody(content, self.voice(encoding), mask, encoding)
        asked = Prosody(
            prosody.pitch + SEMITONE * options.pitch,
            prosody.voiced,
            prosody.energy + DECIBELS * options.energy,
        )
        return self.acoustic.sample(content, asked, mask, encoding, options.sampling)
