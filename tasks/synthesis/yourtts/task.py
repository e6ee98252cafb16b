"""YourTTS: synthesis from phones to the waveform, against discriminators."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.data.phones import need_phones
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.adversarial.critic import WaveformCritic
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.consistency import consistency_loss
from joint.synthesis.examples import (
    FIELDS,
    aligned_utterances,
    mean_losses,
    no_examples,
    only,
)
from joint.synthesis.lengths import random_starts, window
from joint.synthesis.level import levelled
from joint.synthesis.mel import HOP, LogMel
from joint.synthesis.speaking import AS_PREDICTED, SpeakingOptions, SpeakingTask
from joint.synthesis.timing.durations import END_SILENCE
from joint.task import ENROLLMENT, Encode
from joint.units import SAMPLE_RATE, Seconds
from tasks.synthesis.yourtts.generator import Vits

NOISE, DURATION_NOISE = 0.667, 0.8
"""Deviations of the latent frames and of the durations that are drawn at inference, VITS's."""


class YourTTS(SpeakingTask):
    """Speaks by VITS in the voice of the shared encoder's embedding (Casanova et al., "YourTTS:
    Towards zero-shot multi-speaker TTS and zero-shot voice conversion for everyone", ICML 2022).

    It differs from the paper where the corpora and the parts that are there do: the input are
    phones of one language, and the discriminators are the vocoder's, with its hinge loss. The
    weights are VITS's 45 : 1 : 1 and YourTTS's 9 (mel, KL, durations, consistency), all a third,
    beside one adversarial loss averaged over the discriminators.

    Args:
        generator: Makes the Vits; called with `phones` and `embedding_dim`.
        discriminators: The critic; None: the spectral loss alone.
        discriminators_from, judged: `begins` and `judged` of WaveformCritic.
        aligned: Whether durations are those of the alignment; else monotonic alignment search
            finds them, as in the paper, on whole utterances. Known durations allow stretches.
        stretch: Length of the random stretch of each utterance that a step computes if `aligned`.
        consistency_rows: Of a batch whose made segments the encoder reads.
        mel_weight, kl_weight, duration_weight, feature_weight: Of the losses beside the
            adversarial one.
        consistency_weight: Of the speaker consistency loss; 0: the encoder reads nothing made.
    """

    requires: ClassVar[frozenset[str]] = FIELDS
    makes_waveform: ClassVar[bool] = True
    controls = frozenset({"rate", "temperature"})

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        generator: Callable[..., Vits],
        discriminators: Discriminators | None = None,
        discriminators_from: float = 0.0,
        judged: Seconds = 0.4,
        aligned: bool = False,
        stretch: Seconds = 2.5,
        mel_weight: float = 15.0,
        kl_weight: float = 1 / 3,
        duration_weight: float = 1 / 3,
        feature_weight: float = 2.0,
        consistency_weight: float = 3.0,
        consistency_rows: int = 4,
    ) -> None:
        super().__init__()
        need_phones(phones)
        self.generator = generator(phones=len(phones), embedding_dim=embedding_dim)
        self.discriminators = discriminators
        self.critic = WaveformCritic(discriminators, discriminators_from, judged)
        self.mel = LogMel()
        self.longest = round(stretch * SAMPLE_RATE / HOP) if aligned else None
        self.consistency_rows = consistency_rows
        self.weights = {
            "mel_error": mel_weight,
            "kl_loss": kl_weight,
            "duration_loss": duration_weight,
            "adversarial_loss": 1.0,
            "feature_loss": feature_weight,
            "consistency_loss": consistency_weight,
        }

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the utterances whose phones and their times are known."""
        return self._loss(encode, batch, progress)

    def _loss(self, encode: Encode, batch: SceneBatch, progress: float | None) -> TaskOutput:
        """As `loss`; without the discriminators where there is no `progress`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        found = aligned_utterances(batch)
        if found is None:
            return no_examples(self, encoding)
        voices = only(encoding, found.rows)
        sample = torch.arange(found.waveform.shape[1], device=found.waveform.device)
        sound = levelled(found.waveform.float() * (sample < found.lengths[:, None]))
        spectrum, frames, first = self._spectrum(sound, found.lengths // HOP + 1)
        made = self.generator(found.timed, spectrum, frames, voices, first)
        reference = self._segment(sound, made.starts, made.waveform.shape[1])
        losses: dict[str, Tensor] = {
            "mel_error": F.l1_loss(self.mel(made.waveform), self.mel(reference)),
            "kl_loss": made.kl_loss,
            "duration_loss": made.duration_loss,
        }
        if self.weights["consistency_loss"]:
            own = made.waveform[: self.consistency_rows]
            lengths = torch.full((len(own),), own.shape[1], device=own.device)
            losses["consistency_loss"] = consistency_loss(encode, own, lengths, voices)
        if progress is not None:
            losses |= self.critic.losses(batch, reference, made.waveform, progress)
        loss = torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()
        return TaskOutput(loss, len(frames), dict(losses))

    def _spectrum(self, sound: Tensor, frames: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The magnitudes `(B, bins, F)` of utterances of `frames (B,)` each, and their frames; if
        aligned those of a random stretch of each, and the frame where it begins."""
        with torch.autocast(sound.device.type, enabled=False):
            magnitudes: Tensor = self.mel.spectrogram.spectrogram(sound)
        if self.longest is None:
            return magnitudes, frames, None
        first = random_starts(frames, self.longest)
        count = min(self.longest, int(frames.max()))
        stretch = window(magnitudes.transpose(1, 2), first, count).transpose(1, 2)
        return stretch, frames.clamp(max=count), first

    @staticmethod
    def _segment(sound: Tensor, starts: Tensor, samples: int) -> Tensor:
        """`samples` of each row of `sound (B, S)` from frame `starts (B,)` on."""
        missing = int((starts * HOP).max()) + samples - sound.shape[1]
        padded = F.pad(sound, (0, max(missing, 0)))
        return window(padded.unsqueeze(-1), starts * HOP, samples)[..., 0]

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """The losses but the discriminators', with the same draws each time."""
        return mean_losses(lambda batch: self._loss(encode, batch, None), batches)

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput | None:
        """The discriminators' hinge loss on the waveforms that `loss` made of the same batch."""
        return self.critic.loss(batch)

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """The discriminators'."""
        return self.critic.parameters()

    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """See SpeakingTask: the waveform; the sampling's temperature multiplies VITS's."""
        given = options.sampling.temperature
        heat, seed = 1.0 if given is None else given, options.sampling.seed
        prior = self.generator.prior(phones[None], encoding)
        durations = self.generator.durations(
            prior, encoding, options.rate, heat * DURATION_NOISE, seed
        )
        for end in (0, -1):
            if phones[end] == 0:
                durations[:, end].clamp_(max=END_SILENCE)
        return self.generator.speak(prior, durations, encoding, heat * NOISE, seed)[0]
