"""WaveformCritic: how a task's waveforms are made against discriminators."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.synthesis.adversarial.discriminators import Discriminators
from joint.synthesis.adversarial.losses import discriminator_loss, feature_loss, generator_loss
from joint.units import SAMPLE_RATE, Seconds


class WaveformCritic:
    """The turns of a task and its discriminators on one batch: `losses` is the task's, `loss` that
    of the discriminators, on the same cut of the same waveforms.

    It holds no module of its own: the task keeps the `discriminators` under its own name.

    Args:
        begins: Share of the training after which the discriminators begin: before it the task's
            other losses alone bring it near.
        judged: Length of the random cut of the waveforms that the discriminators see: they take
            most of a step's time.
    """

    def __init__(
        self, discriminators: Discriminators | None, begins: float, judged: Seconds
    ) -> None:
        self.discriminators, self.begins = discriminators, begins
        self.judged = round(judged * SAMPLE_RATE)
        self._kept: tuple[SceneBatch, Tensor, Tensor] | None = None

    def losses(
        self, batch: SceneBatch, reference: Tensor, made: Tensor, progress: float
    ) -> dict[str, Tensor]:
        """`adversarial_loss` and `feature_loss` of `made (B, S)` beside the `reference (B, S)`;
        nothing before the discriminators begin."""
        self._kept = None
        if self.discriminators is None or progress < self.begins:
            return {}
        start = int(torch.randint(max(made.shape[1] - self.judged, 0) + 1, ()))
        cut = slice(start, start + self.judged)
        reference, made = reference[:, cut], made[:, cut]
        with torch.no_grad():
            real = self.discriminators(reference)
        judged = self.discriminators(made)
        self._kept = batch, reference, made.detach()
        return {
            "adversarial_loss": generator_loss(judged),
            "feature_loss": feature_loss(real, judged),
        }

    def loss(self, batch: SceneBatch) -> TaskOutput | None:
        """See Task.critic_loss: the hinge loss on what `losses` was given of the same batch."""
        if self.discriminators is None:
            return None
        if self._kept is None:  # not begun, or a batch of which nothing was made
            return TaskOutput.empty(self.discriminators.parameters())
        assert self._kept[0] is batch, "losses of another batch"
        _, reference, made = self._kept
        self._kept = None
        loss = discriminator_loss(self.discriminators(reference), self.discriminators(made))
        return TaskOutput(loss, len(reference))

    def parameters(self) -> Iterable[nn.Parameter]:
        """The discriminators'."""
        return () if self.discriminators is None else self.discriminators.parameters()
