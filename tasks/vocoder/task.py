"""The vocoder: log-mel spectrograms become waveforms, against discriminators."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.mel import HOP
from joint.synthesis.vocoders.base import Vocoder
from joint.task import Encode, Enrollment, Task
from joint.units import SAMPLE_RATE, Seconds
from tasks.vocoder.discriminators import Discriminators
from tasks.vocoder.losses import (
    SpectralLoss,
    discriminator_loss,
    feature_loss,
    generator_loss,
)


class Copies(NamedTuple):
    """Recordings, cut to whole frames, and their copies, each `(B, S)`, with their distances."""

    reference: Tensor
    made: Tensor
    mel_error: Tensor
    spectral_loss: Tensor


class VocoderTask(Task):
    """Trains a vocoder on recordings of single speakers; no text is needed and the encoder is not
    used.

    Args:
        vocoder: See Vocoder.
        discriminators: The critic; None: spectral losses alone.
        discriminators_from: Share of the training after which the discriminators begin: before it
            the spectral losses alone bring the vocoder near.
        judged: Length of the random cut of the recordings that the discriminators see: they take
            most of a step's time.
        mel_weight, spectral_weight, feature_weight: Of the losses beside the adversarial one.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths"})

    def __init__(
        self,
        vocoder: Vocoder,
        discriminators: Discriminators | None = None,
        discriminators_from: float = 0.1,
        judged: Seconds = 0.4,
        mel_weight: float = 15.0,
        spectral_weight: float = 1.0,
        feature_weight: float = 2.0,
    ) -> None:
        super().__init__()
        self.vocoder, self.discriminators = vocoder, discriminators
        self.spectral = SpectralLoss()
        self.discriminators_from = discriminators_from
        self.judged = round(judged * SAMPLE_RATE)
        self.weights = mel_weight, spectral_weight, feature_weight
        self._kept: tuple[SceneBatch, Tensor, Tensor] | None = None

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the recordings: mel and spectral distance, and from `discriminators_from` on
        the adversarial and the feature loss."""
        reference, made, mel, spectral = self._copied(batch)
        mel_weight, spectral_weight, feature_weight = self.weights
        loss = mel_weight * mel + spectral_weight * spectral
        metrics: dict[str, float | Tensor] = {"mel_error": mel, "spectral_loss": spectral}
        self._kept = None
        if self._plays(progress):
            assert self.discriminators is not None
            cut = self._cut(made)
            with torch.no_grad():
                real = self.discriminators(reference[:, cut])
            judged = self.discriminators(made[:, cut])
            adversarial, features = generator_loss(judged), feature_loss(real, judged)
            loss = loss + adversarial + feature_weight * features
            metrics |= {"adversarial_loss": adversarial, "feature_loss": features}
            self._kept = batch, reference[:, cut], made[:, cut].detach()
        return TaskOutput(loss, len(reference), metrics)

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput | None:
        """The discriminators' hinge loss on the waveforms that `loss` made of the same batch."""
        if self.discriminators is None:
            return None
        if not self._plays(progress):
            return TaskOutput.empty(self.discriminators.parameters())
        assert self._kept is not None
        assert self._kept[0] is batch, "critic_loss before loss"
        _, reference, made = self._kept
        self._kept = None
        loss = discriminator_loss(self.discriminators(reference), self.discriminators(made))
        return TaskOutput(loss, len(reference))

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """The discriminators'."""
        return () if self.discriminators is None else self.discriminators.parameters()

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: copy synthesis, the waveform `(S,)` made of the recording's own log-mel."""
        return self.vocoder.copy_of(recording)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Mel error (mean absolute difference of natural logarithms) and the spectral loss."""
        copies = [self._copied(batch) for batch in batches]
        return {
            "mel_error": float(torch.stack([copy.mel_error for copy in copies]).mean()),
            "spectral_loss": float(torch.stack([copy.spectral_loss for copy in copies]).mean()),
        }

    def _cut(self, waveform: Tensor) -> slice:
        start = int(torch.randint(max(waveform.shape[1] - self.judged, 0) + 1, ()))
        return slice(start, start + self.judged)

    def _plays(self, progress: float) -> bool:
        return self.discriminators is not None and progress >= self.discriminators_from

    def _copied(self, batch: SceneBatch) -> Copies:
        reference = recordings(batch)
        reference = reference[:, : reference.shape[1] // HOP * HOP]
        log_mel = self.vocoder.mel(reference)
        made = self.vocoder(log_mel)
        mel_error = F.l1_loss(self.vocoder.mel(made), log_mel)
        return Copies(reference, made, mel_error, self.spectral(made, reference))


def recordings(batch: SceneBatch) -> Tensor:
    """The recordings of single speakers, `(B·K, S)`."""
    assert batch.enrollment is not None
    return batch.enrollment.flatten(0, 1)
