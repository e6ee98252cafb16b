"""DINO: a student agrees with its own momentum average on what a segment is."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.layers.processes import averaged
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from joint.units import SAMPLE_RATE, Seconds
from tasks.selfsupervised.momentum import MomentumEncoder, share
from tasks.selfsupervised.segments import SegmentTask, segments_of
from tasks.selfsupervised.simclr import positive

WHOLE = 2
"""Segments that the teacher encodes; all others are cut to `local_seconds`."""
SHORT = "short segments"
"""Their role."""


class DinoHead(nn.Module):
    """Three layers, the unit sphere in `bottleneck` dimensions, and the cosine to each of
    `prototypes` (Caron et al., ICCV 2021, appendix C): `(B, E)` → `(B, prototypes)`."""

    def __init__(
        self, input_dim: int, prototypes: int = 1024, hidden: int = 512, bottleneck: int = 128
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(input_dim, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, bottleneck),
        )
        self.prototypes = nn.Parameter(torch.randn(prototypes, bottleneck))
        self.frozen = False
        """Whether the prototypes stay: their gradient is 0."""

    def forward(self, embedding: Tensor) -> Tensor:
        """See the class; float32."""
        with torch.autocast(embedding.device.type, enabled=False):
            point = F.normalize(self.layers(embedding.float()))
            prototypes: Tensor = self.prototypes
            if self.frozen:  # parallel training wants a gradient of all that is there
                prototypes = prototypes.detach() + 0.0 * prototypes
            return point @ F.normalize(prototypes).T


class Dino(SegmentTask):
    """Self-distillation without labels (Caron et al., ICCV 2021, algorithm 1; for speakers Chen et
    al., "A comprehensive study on self-supervised distillation", SLT 2022).

    The teacher, a momentum average of the student, encodes two segments of an utterance; the
    student these and the further, shorter ones, and its distribution over prototypes is to be the
    teacher's for another segment. What the teacher gives is centred by a moving mean, against one
    prototype for all, and sharpened by its low temperature, against all prototypes for each.

    `momentum` grows to 1 as half a cosine; the teacher's temperature goes from the first to the
    second one in the `warmup_share` of the training. In its first `freeze_share` the prototypes of
    the head stay as they are (one epoch in the paper). Raises ConfigError for a temperature of the
    teacher that is not below the student's, and for a `freeze_share` of a head other than DinoHead.
    """

    centre: Tensor

    def __init__(
        self,
        embedding_dim: int,
        encoder_copy: Callable[[], SpeakerEncoder],
        head: Callable[[int], nn.Module] = DinoHead,
        local_seconds: Seconds = 2.0,
        momentum: float = 0.996,
        student_temperature: float = 0.1,
        teacher_temperature: tuple[float, float] = (0.04, 0.04),
        warmup_share: float = 0.2,
        centre_momentum: float = 0.9,
        freeze_share: float = 0.0,
    ) -> None:
        super().__init__()
        for value in teacher_temperature:
            if not 0.0 < value < student_temperature:
                found = f"{value:g} and {student_temperature:g} of the student"
                raise ConfigError("teacher_temperature", found, "more than 0, below the student's")
        share("momentum", momentum)
        share("centre_momentum", centre_momentum)
        self.head, self.freeze_share = head(embedding_dim), share("freeze_share", freeze_share)
        if freeze_share > 0.0 and not isinstance(self.head, DinoHead):
            found = f"{freeze_share:g} for a {type(self.head).__name__}"
            raise ConfigError("freeze_share", found, "0, or a DinoHead")
        self.teacher = MomentumEncoder(encoder_copy(), self.head)
        self.local = round(positive("local_seconds", local_seconds) * SAMPLE_RATE)
        self.momentum, self.centre_momentum = momentum, centre_momentum
        self.student_temperature = student_temperature
        self.teacher_temperature = tuple(teacher_temperature)
        self.warmup_share = positive("warmup_share", warmup_share)
        with torch.no_grad():
            count = self.head(torch.zeros(1, embedding_dim)).shape[1]
        self.register_buffer("centre", torch.zeros(count))

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """See Task: the teacher follows the student, and begins as it is."""
        momentum = 1.0 - (1.0 - self.momentum) * 0.5 * (1.0 + math.cos(math.pi * progress))
        self.teacher.follow(encoder, self.head, momentum if progress > 0.0 else 0.0)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B` utterances. `entropy` is that of the teacher's distributions, `usage`
        that of their mean over the batch, both as a share of the largest: an entropy near 1 or a
        usage near 0 is a collapse."""
        audio, lengths = segments_of(batch, WHOLE)
        if isinstance(self.head, DinoHead):
            self.head.frozen = progress < self.freeze_share
        student = self.head(encode(audio[:, :WHOLE], lengths[:, :WHOLE], ENROLLMENT).embedding)
        views = [student.unflatten(0, (len(audio), -1))]
        if audio.shape[1] > WHOLE:
            short = audio[:, WHOLE:, : self.local]
            ends = lengths[:, WHOLE:].clamp(max=self.local)
            student = self.head(encode(short, ends, SHORT).embedding)
            views.append(student.unflatten(0, (len(audio), -1)))
        taught = self.teacher(audio[:, :WHOLE], lengths[:, :WHOLE]).unflatten(0, (-1, WHOLE))
        student = torch.cat(views, dim=1)
        temperatures = self.student_temperature, self.sharpness(progress)
        output, targets = distillation(student, taught, self.centre, *temperatures)
        self.move_centre(taught.flatten(0, 1))
        largest = math.log(len(self.centre))
        output.metrics["entropy"] = entropy(targets).mean() / largest
        output.metrics["usage"] = entropy(targets.flatten(0, 1).mean(dim=0)) / largest
        return output

    def sharpness(self, progress: float) -> float:
        """The teacher's temperature at `progress`, 0 to 1."""
        first, last = self.teacher_temperature
        return first + (last - first) * min(progress / self.warmup_share, 1.0)

    @torch.no_grad()
    def move_centre(self, taught: Tensor) -> None:
        """c ← m·c + (1 − m)·mean of the teacher's outputs over all processes (eq. 4)."""
        self.centre.lerp_(averaged(taught.mean(dim=0)), 1.0 - self.centre_momentum)


def distillation(
    student: Tensor, teacher: Tensor, centre: Tensor, soft: float, sharp: float
) -> tuple[TaskOutput, Tensor]:
    """Cross-entropy of `student (B, K, P)` with `teacher (B, T, P)`, mean over the pairs of
    different segments, and the teacher's distributions; `soft` and `sharp` are the temperatures."""
    with torch.autocast(student.device.type, enabled=False):
        targets = ((teacher.float() - centre) / sharp).softmax(dim=-1)
        answers = (student.float() / soft).log_softmax(dim=-1)
        pairs = -torch.einsum("btp,bkp->btk", targets, answers)
    whole, views = targets.shape[1], answers.shape[1]
    other = ~torch.eye(whole, views, dtype=torch.bool, device=pairs.device)
    return TaskOutput(pairs[:, other].mean(), len(pairs)), targets


def entropy(shares: Tensor) -> Tensor:
    """Of distributions over the last axis, in nats."""
    return -(shares * shares.clamp(min=1e-12).log()).sum(dim=-1)
