"""Tasks small enough for a test of what the model and the trainer owe every task."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from tiny_models import tiny_encoder, verification
from torch import Tensor, nn

from joint.encoders.view import Switch
from joint.model import JointModel
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_recording

ENROLLED = frozenset({"enrollment", "enrollment_lengths"})


class Adversarial(Task):
    """A generator of 4 numbers from the embedding, and a critic that tells them from the
    enrolment's first four samples; both draw noise."""

    requires: ClassVar[frozenset[str]] = ENROLLED

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(embedding_dim, 8), nn.Dropout(), nn.Linear(8, 4))
        self.critic = nn.Sequential(nn.Linear(4, 8), nn.Dropout(), nn.Linear(8, 1))

    def made(self, encode: Encode, batch: SceneBatch) -> Tensor:
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        made: Tensor = self.generator(encoding.embedding)
        return made

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        scores = self.critic(self.made(encode, batch))
        return TaskOutput(F.softplus(-scores).mean(), len(scores))

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        made: Tensor = self.generator(encode_recording(encode, recording).embedding)[0]
        return made

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        assert batch.enrollment is not None
        real = 10.0 * batch.enrollment.flatten(0, 1)[:, :4]
        losses = F.softplus(-self.critic(real)) + F.softplus(self.critic(self.made(encode, batch)))
        return TaskOutput(losses.mean(), len(losses))

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        return self.critic.parameters()


class NothingHere(Task):
    """A task that finds none of its items in any batch, and takes the mean over them."""

    requires: ClassVar[frozenset[str]] = ENROLLED

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.output = nn.Linear(embedding_dim, 1)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        encoding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT)
        found = self.output(encoding.embedding)[:0]
        return TaskOutput(found.mean(), len(found))

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> None:
        return None


def adversarial_model(switch: Switch = "joint") -> JointModel:
    """The adversarial task on a tiny encoder, in training mode."""

    with seeded(0, "adversarial"):
        return JointModel(tiny_encoder(), {"game": Adversarial(12)}, switches={"game": switch})


def model_without_items() -> JointModel:
    """A task without items beside verification."""

    torch.manual_seed(0)
    tasks = {"nothing": NothingHere(12), "verification": verification()}
    return JointModel(tiny_encoder(), tasks)
