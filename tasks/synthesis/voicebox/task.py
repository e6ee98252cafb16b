"""Voicebox: speech infilled into its context by flow matching (Le et al., "Voicebox: text-guided
multilingual universal speech generation at scale", NeurIPS 2023).

phones ──► encoder ──► durations, infilled ──► frames ─┐
log-mel of the context, zeros where it is infilled ────┴► attention ──► flow ──► log-mel
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, FilmFusion, NoFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.acoustic import Fusion
from joint.synthesis.consistency import SpeakerConsistency
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling, masked_mean
from joint.synthesis.examples import Examples
from joint.synthesis.lengths import TimedPhones, regulate
from joint.synthesis.mel import HOP, MELS
from joint.synthesis.speaking import AS_PREDICTED, Exchanged, InfillingTask, SpeakingOptions
from joint.synthesis.spoken import SpokenMel
from joint.synthesis.task import VoiceLoss, VoiceTask
from joint.synthesis.timing.durations import END_SILENCE, whole_frames
from joint.synthesis.timing.spans import last_phones, random_spans
from joint.units import SAMPLE_RATE, Seconds
from tasks.synthesis.voicebox.context import ContextStack
from tasks.synthesis.voicebox.durations import InfilledDurations

LONGEST_PROMPT: Seconds = 8.0
"""Of an enrolment's end that is read as context."""


class Infilled(NamedTuple):
    """A log-mel spectrogram `(MELS, F)`, and which of its frames were made, `made (F,)`."""

    log_mel: Tensor
    made: Tensor


class VoiceboxTask(VoiceTask, InfillingTask):
    """Speaks phones as the continuation of an enrolment whose phones are known, or in the place of
    others within a recording.

    What the paper's network reads at every step of the flow, phones and context, is read by
    attention once; the decoder, which follows the flow, is this project's. There is no predictor of
    pitch and energy.

    Args:
        decoder: Makes the MelDecoder; called with `feature_dim` and `fusion`.
        fusion: Makes the conditionings on the speaker's embedding; NoFusion: context alone.
        context: Whether what is not infilled is read; without it the embedding alone says whose
            voice it is.
        dim, blocks, layers: Of the encoder of phones, and of the attention to the context.
        without_context, least_infilled: See `random_spans`.
        duration_weight, prior_weight: Of these losses beside the decoder's, see AcousticModel.
        stretch, consistency, consistency_weight: See VoiceTask.

    Raises ConfigError where neither context nor embedding is read.
    """

    acoustic: SpokenMel

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        decoder: Callable[..., MelDecoder],
        fusion: Fusion = FilmFusion,
        context: bool = True,
        dim: int = 256,
        blocks: int = 4,
        layers: int = 2,
        without_context: float = 0.3,
        least_infilled: float = 0.5,
        duration_weight: float = 0.5,
        prior_weight: float = 1.0,
        stretch: Seconds = 4.0,
        consistency: SpeakerConsistency | None = None,
        consistency_weight: float = 0.3,
    ) -> None:
        super().__init__(phones, stretch, consistency, consistency_weight)

        def conditioned(width: int) -> Conditioning:
            return fusion(width, embedding_dim)

        self.acoustic = SpokenMel()
        self.embedding = nn.Embedding(len(phones), dim)
        self.encoder = ConvNextStack(dim, dim, blocks, 3 * dim, conditioned, kernel=5)
        self.durations = InfilledDurations(dim, dim, conditioned)
        self.frames = ContextStack(dim + MELS + 1, dim, 2, layers, 2 * dim, 4, conditioned)
        self.prior = nn.Linear(dim, MELS)
        self.decoder = decoder(feature_dim=dim, fusion=conditioned)
        self.controls = frozenset({"rate"}) | self.decoder.controls
        self.by_embedding = not any(isinstance(part, NoFusion) for part in self.modules())
        if not (context or self.by_embedding):
            raise ConfigError("context", "false, and no fusion", "one of them: whose voice it is")
        self.reads_prompt, self.spans = (
            context,
            (least_infilled, without_context if context else 1.0),
        )
        self.weights = duration_weight, prior_weight

    def examples_loss(self, examples: Examples) -> VoiceLoss:
        """See VoiceTask: the decoder's loss on what is infilled, with those of the prior and of the
        durations."""
        timed, spoken, encoding = examples.timed, examples.spoken, examples.encoding
        text = self.encode_phones(timed, encoding)
        infilled = random_spans(timed.mask, *self.spans)
        duration = self.durations.loss(
            text.detach(), timed.durations, infilled, timed.mask, encoding
        )
        content = spoken.cut(regulate(text, timed.durations))
        made = random_spans(spoken.mask, *self.spans)
        mel = self.acoustic.normalised(spoken.log_mel) * spoken.mask.unsqueeze(-1)
        features = self._features(content, mel, made, spoken.mask, encoding)
        counted = made.unsqueeze(-1).float()
        rough = self._rough(features, mel, made)
        prior = masked_mean((rough - mel).square(), counted)
        own = spoken.mask.unsqueeze(-1).float()
        decoder, estimate = self.decoder.loss(mel, features, own, encoding, counted, rough)
        duration_weight, prior_weight = self.weights
        loss = decoder + prior_weight * prior + duration_weight * duration
        metrics: dict[str, float | Tensor] = {
            "decoder_loss": decoder,
            "prior_loss": prior,
            "duration_loss": duration,
        }
        whole = torch.where(made.unsqueeze(-1), estimate, mel)
        return VoiceLoss(loss, metrics, self.acoustic.restored(whole))

    def encode_phones(self, timed: TimedPhones, encoding: SpeakerEncoding) -> Tensor:
        """`(B, P, D)`."""
        own = timed.mask.unsqueeze(-1).float()
        embedded = self.embedding(timed.phones.clamp(min=0)) * own
        encoded: Tensor = self.encoder(embedded, own, encoding)
        return encoded

    def _features(
        self, content: Tensor, mel: Tensor, made: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        """What the decoder reads: `content (B, F, D)` and of the normalised `mel (B, F, MELS)` what
        is not `made (B, F)`."""
        given = (mask & ~made).unsqueeze(-1).to(content.dtype)
        together = torch.cat([content, mel.to(content.dtype) * given, given], dim=2)
        features: Tensor = self.frames(together, mask.unsqueeze(-1).float(), encoding)
        return features

    def _rough(self, features: Tensor, mel: Tensor, made: Tensor) -> Tensor:
        """What the prior predicts of `made (B, F)`, which alone it learns; else the `mel`."""
        return torch.where(made.unsqueeze(-1), self.prior(features).float(), mel)

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the log-mel spectrogram. With a prompt the enrolment's recording, of
        which the last seconds count, is the context; without one the embedding says alone whose
        voice it is. Raises ConfigError where the task reads no embedding and there is no prompt."""
        before, lasting = phones[:0], phones[:0]
        context = encoding.embedding.new_zeros(MELS, 0, dtype=torch.float32)
        if self.reads_prompt and options.prompt is not None:
            before, lasting, context = self._prompt(encoding, options.prompt)
        elif not self.by_embedding:
            raise ConfigError("enrolment", "no words of it", "its text: this synthesis goes on")
        spoken = torch.cat([before, phones])
        durations = torch.cat([lasting, torch.zeros_like(phones)])
        log_mel, made = self.infill(
            encoding, spoken, durations, context, options.rate, options.sampling
        )
        return log_mel[:, made]

    def exchange(
        self,
        encoding: SpeakerEncoding,
        recording: Tensor,
        timed: TimedPhones,
        place: tuple[int, int],
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Exchanged:
        """See InfillingTask: the log-mel spectrogram."""
        first, last = place
        spoken, lasting = timed.phones[0], timed.durations[0]
        start, behind = int(lasting[:first].sum()), int(lasting[:last].sum())
        log_mel = self.acoustic.mel(recording[None])[0]
        found, made = self.infill(
            encoding,
            torch.cat([spoken[:first], phones, spoken[last:]]),
            torch.cat([lasting[:first], torch.zeros_like(phones), lasting[last:]]),
            torch.cat([log_mel[:, :start], log_mel[:, behind:]], dim=1),
            options.rate,
            options.sampling,
        )
        return Exchanged(found, start, start + int(made.sum()))

    def infill(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        durations: Tensor,
        context: Tensor,
        rate: float = 1.0,
        sampling: Sampling = AS_TRAINED,
    ) -> Infilled:
        """Make the frames of those `phones (P,)` whose `durations (P,)` in frames are 0, at `rate`
        times the predicted speed; `context (MELS, F)`, the log-mel spectrogram of the other phones
        end to end at the usual level, stays as it is."""
        missing = durations == 0
        timed = TimedPhones(phones[None], durations[None])
        text = self.encode_phones(timed, encoding)
        log_frames = self.durations(text, timed.durations, missing[None], timed.mask, encoding)
        predicted = whole_frames(log_frames, timed.mask, rate)[0]
        for end in (0, -1):
            if phones[end] == 0:
                predicted[end].clamp_(max=END_SILENCE)
        lasting = torch.where(missing, predicted, durations)
        made = missing.repeat_interleave(lasting)
        mask = torch.ones_like(made)[None]
        mel = context.new_zeros(MELS, len(made))
        mel[:, ~made] = context
        normalised = self.acoustic.normalised(mel[None])
        content = regulate(text, lasting[None])
        features = self._features(content, normalised, made[None], mask, encoding)
        own = mask.unsqueeze(-1).float()
        rough = self._rough(features, normalised, made[None])
        found = self.acoustic.restored(
            self.decoder.sample(features, own, encoding, sampling, rough)
        )
        return Infilled(torch.where(made, found[0], mel), made)

    def _prompt(
        self, encoding: SpeakerEncoding, prompt: TimedPhones
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Phones, durations and log-mel spectrogram of the end of an enrolment, from a phone on."""
        waveform, lengths = encoding.need_recording("synthesis")
        log_mel = self.acoustic.spoken(waveform, lengths).log_mel[0]
        prompt = prompt.to(waveform.device)
        phones, durations = prompt.phones[0], prompt.durations[0]
        kept = last_phones(prompt, round(LONGEST_PROMPT * SAMPLE_RATE / HOP))
        context = log_mel[:, int(durations[~kept].sum()) : int(durations.sum())]
        return phones[kept], durations[kept], context
