"""CopyTask: what a vocoder and a codec share: recordings are copied, against discriminators."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.adversarial.critic import WaveformCritic
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.adversarial.losses import SpectralLoss
from joint.synthesis.mel import HOP, LogMel
from joint.task import Encode, Task
from joint.units import Seconds


@dataclass(frozen=True)
class Copies:
    """Recordings and their copies, each `(B, S)`; `made` is None where only what comes before the
    waveform is trained. `loss` and `metrics` are the task's own, beside those of the waveforms."""

    reference: Tensor
    made: Tensor | None
    loss: Tensor | float = 0.0
    metrics: dict[str, float | Tensor] = field(default_factory=dict)


class CopyTask(Task):
    """Trains a network that copies recordings of single speakers; the encoder is not used.

    A task adds its network and `copies`.

    Args:
        discriminators: The critic; None: spectral losses alone.
        discriminators_from, judged: `begins` and `judged` of WaveformCritic.
        mel_weight, spectral_weight, feature_weight: Of the losses beside the adversarial one.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths"})

    def __init__(
        self,
        discriminators: Discriminators | None,
        discriminators_from: float,
        judged: Seconds,
        mel_weight: float,
        spectral_weight: float,
        feature_weight: float,
    ) -> None:
        super().__init__()
        self.discriminators = discriminators
        self.mel, self.spectral = LogMel(), SpectralLoss()
        self.critic = WaveformCritic(discriminators, discriminators_from, judged)
        self.weights = mel_weight, spectral_weight, feature_weight

    @abstractmethod
    def copies(self, batch: SceneBatch, progress: float) -> Copies:
        """The recordings of a batch and what the network makes of them."""

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the recordings: mel and spectral distance, and from `discriminators_from` on
        the adversarial and the feature loss."""
        copies = self.copies(batch, progress)
        reference, made, metrics = copies.reference, copies.made, dict(copies.metrics)
        loss = torch.zeros((), device=reference.device) + copies.loss
        if made is None:
            return TaskOutput(loss, len(reference), metrics)
        mel_weight, spectral_weight, feature_weight = self.weights
        errors = self._errors(made, reference)
        loss = loss + mel_weight * errors["mel_error"] + spectral_weight * errors["spectral_loss"]
        metrics |= errors
        found = self.critic.losses(batch, reference, made, progress)
        if found:
            loss = loss + found["adversarial_loss"] + feature_weight * found["feature_loss"]
        metrics |= found
        return TaskOutput(loss, len(reference), metrics)

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput | None:
        """The discriminators' hinge loss on the waveforms that `loss` made of the same batch."""
        return self.critic.loss(batch)

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """The discriminators'."""
        return self.critic.parameters()

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Mel error (mean absolute difference of natural logarithms), the spectral loss, and the
        task's own metrics."""
        found: list[dict[str, float]] = []
        for batch in batches:
            copies = self.copies(batch, 1.0)
            assert copies.made is not None
            values = copies.metrics | self._errors(copies.made, copies.reference)
            found.append({name: float(value) for name, value in values.items()})
        return {name: sum(f[name] for f in found) / len(found) for name in found[0]}

    def _errors(self, made: Tensor, reference: Tensor) -> dict[str, Tensor]:
        mel_error = F.l1_loss(self.mel(made), self.mel(reference))
        return {"mel_error": mel_error, "spectral_loss": self.spectral(made, reference)}


def recordings(batch: SceneBatch) -> Tensor:
    """The recordings of single speakers, `(B·K, S)`, cut to whole frames."""
    assert batch.enrollment is not None
    found = batch.enrollment.flatten(0, 1)
    return found[:, : found.shape[1] // HOP * HOP]
