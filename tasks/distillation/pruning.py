"""Structured pruning with distillation: gates shut channels while the student stays like itself
before."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.pruning import expected_parameters, gated_backbone, ungated_parameters
from joint.errors import ConfigError
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import Layer, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from joint.training.building.model import layer_dims
from tasks.distillation.online import OnlineDistillationTask
from tasks.distillation.task import distance

SETTLED = 0.9
"""The part of a training after which no gate is drawn: what pruning removes is shut."""


class PruningTask(OnlineDistillationTask):
    """The losses of OnlineDistillationTask, those of layers, and one that shuts the gates of the
    encoder (`joint.encoders.backbones.gated_ecapa`) until a `share` of its parameters is left.

    The teacher is the encoder before, so that layers have the same shapes. The share is reached by
    λ₁·e + λ₂·e², where e is how far the expected share is above the target, and both λ are trained
    to be as large as possible (Wang, Wohlwend, Lei, EMNLP 2020, eq. 9; for speech Peng et al.,
    "DPHuBERT", Interspeech 2023). Theirs is the difference, also below the target: in a training of
    some hundred steps the share then falls far below it, as λ₁ has grown while it was above. The
    target falls from 1 to `share` over the `ramp` first part of the training. In its last tenth
    gates are no longer drawn, so that the student is trained as it is when what is shut has been
    removed.

    Args:
        layers: The encoder's layers that are compared.
        layer_weight: Of their distance, the squared error relative to the teacher's energy.
        share: Of the encoder's parameters, 0 to 1.

    Raises ConfigError for a share or ramp outside 0 to 1, no layers, and a negative weight.
    """

    def __init__(
        self,
        embedding_dim: int,
        teacher: str,
        layer_dim: Callable[[str], int],
        layers: Sequence[str] = ("block1", "block2", "block3"),
        layer_weight: float = 1.0,
        relation_weight: float = 1.0,
        share: float = 0.5,
        ramp: float = 0.3,
    ) -> None:
        super().__init__(embedding_dim, teacher, None, relation_weight)
        for name, value in (("share", share), ("ramp", ramp)):
            if not 0.0 < value < 1.0:
                raise ConfigError(name, str(value), "between 0 and 1")
        if layer_weight < 0:
            raise ConfigError("layer_weight", str(layer_weight), "0 or more")
        if not layers:
            raise ConfigError("layers", "none", "one or more")
        self.layers = frozenset(layers)
        self.dims = {name: layer_dim(name) for name in layers}
        self.layer_weight, self.share, self.ramp = layer_weight, share, ramp
        self.multipliers = nn.Parameter(torch.zeros(2))
        self.reversal = GradientReversal(rise=0.0)
        self._encoder: tuple[SpeakerEncoder, ...] = ()  # not a module of this one

    def setup(self, corpus: Corpus) -> None:
        """See OnlineDistillationTask; also raises ConfigError where the teacher's layers are not
        the encoder's."""
        super().setup(corpus)
        dim = layer_dims(self._teacher[0])
        for name, own in self.dims.items():
            if (found := dim(name)) != own:
                raise ConfigError(f"{self.path}: {name}", f"{found} channels", f"{own}, as here")

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """See Task: remember whose gates they are, and settle them in the end. Raises ConfigError
        where it has none."""
        assert isinstance(encoder, SpeakerEncoder)
        if not self._encoder:
            ungated_parameters(encoder)
            self._encoder = (encoder,)
        if progress >= SETTLED:
            gated_backbone(encoder).gates.eval()

    def target_share(self, progress: float) -> float:
        """The share of parameters that is aimed at."""
        return 1.0 - (1.0 - self.share) * min(progress / self.ramp, 1.0)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolments of the batch; the share once."""
        assert self._encoder, "loss before a step"
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        student = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        teacher = self.taught(batch)
        output = distance(student.embedding, self.in_space(teacher.embedding), self.relation_weight)
        encoder = self._encoder[0]
        share = expected_parameters(encoder) / ungated_parameters(encoder)
        excess = (share - self.target_share(progress)).clamp(min=0.0)
        first, second = self.reversal(self.multipliers, progress).unbind()
        apart = torch.stack(
            [
                relative_error(student.layers[name], teacher.layers[name])
                for name in sorted(self.layers)
            ]
        ).mean()
        shutting = first * excess + second * excess.square()
        loss = output.loss + self.layer_weight * apart + shutting
        figures = {"layer_error": apart.detach(), "parameter_share": share.detach()}
        return TaskOutput(loss, output.count, {**output.metrics, **figures})


def relative_error(student: Layer, teacher: Layer) -> Tensor:
    """Squared error of `student` relative to the energy of `teacher`, both `(B, D, F)`, over the
    frames that count."""
    mask = teacher.mask.unsqueeze(1)
    aim = teacher.features.float() * mask
    error = (student.features.float() * mask - aim).square().sum()
    return error / aim.square().sum().clamp(min=1e-8)
