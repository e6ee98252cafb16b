"""Models and tasks small enough for a test, and batches to run them on."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.adapters.low_rank import Adapter, LowRank
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.encoders.view import Switch
from joint.losses.margin import AamSoftmax
from joint.model import JointModel
from joint.outputs import SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_recording
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.extraction.losses import ExtractionLoss
from tasks.extraction.task import ExtractionTask
from tasks.verification.task import VerificationTask

SPEAKERS = 5


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Give every norm statistics and weights of its own, as a trained model has them."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            with torch.no_grad():
                part.running_mean.normal_(0.0, 0.2, generator=generator)
                part.running_var.uniform_(0.5, 1.5, generator=generator)
                part.weight.uniform_(0.5, 1.5, generator=generator)
                part.bias.normal_(0.0, 0.2, generator=generator)


def tiny_encoder(spec_augment: nn.Module | None = None) -> SpeakerEncoder:
    """An x-vector of 16 channels."""
    with seeded(0, "encoder"):
        frontend = Filterbank(24, spec_augment)  # type: ignore[arg-type]
        return SpeakerEncoder(frontend, XvectorTdnn(24, 16, 32), StatisticsPooling, 12)


def verification(embedding_dim: int = 12) -> VerificationTask:
    """A speaker classifier."""
    with seeded(0, "verification"):
        return VerificationTask(embedding_dim, SPEAKERS, AamSoftmax)


def extraction(embedding_dim: int = 12, criterion: ExtractionLoss | None = None) -> ExtractionTask:
    """A band-split extractor of one block."""

    def extractor(embedding_dim: int) -> nn.Module:
        return small_bsrnn(embedding_dim, features=8, depth=1, bottleneck=8)

    with seeded(0, "extraction"):
        loss = criterion or ExtractionLoss(compressed_weight=1.0)
        return ExtractionTask(embedding_dim, extractor, loss)


def tiny_model(
    weights: dict[str, float] | None = None,
    switches: dict[str, Switch] | None = None,
    spec_augment: nn.Module | None = None,
) -> JointModel:
    """Both tasks on a tiny encoder, in training mode; an adapter where a switch says so."""
    tasks = {"verification": verification(), "extraction": extraction()}
    encoder = tiny_encoder(spec_augment)
    adapted = [name for name, switch in (switches or {}).items() if switch == "adapter"]
    with seeded(0, "adapters"):
        adapters = {name: LowRank(encoder, rank=2) for name in adapted}
    return JointModel(encoder, tasks, weights, switches, adapters)


def learn(adapter: Adapter, seed: int = 0) -> None:
    """Make an adapter other than the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in adapter.parameters():
            part.normal_(0.0, 0.1, generator=generator)


def noise_batch(
    scenes: int = 4, seed: int = 0, enrolled: int = 2, samples: int = 4800, **other: Any
) -> SceneBatch:
    """A batch of two speakers of noise each; `other` replaces fields."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*shape: int) -> Tensor:
        return 0.1 * torch.randn(*shape, generator=generator)

    sources = noise(scenes, 2, samples)
    fields: dict[str, Any] = {
        "enrollment": noise(scenes, enrolled, samples),
        "enrollment_lengths": torch.full((scenes, enrolled), samples),
        "enrollment_source": torch.arange(enrolled).expand(scenes, -1).clone(),
        "speaker": torch.randint(0, SPEAKERS, (scenes, enrolled), generator=generator),
        "mixture": sources.sum(dim=1),
        "mixture_lengths": torch.full((scenes,), samples),
        "sources": sources,
    }
    return SceneBatch(scene_ids=[str(i) for i in range(scenes)], **{**fields, **other})


def encoding_of(embedding: Tensor) -> SpeakerEncoding:
    """An encoding of which only the embedding matters."""
    count = len(embedding)
    return SpeakerEncoding(
        embedding=embedding,
        frames=torch.zeros(count, 1, 1),
        frame_mask=torch.ones(count, 1, dtype=torch.bool),
        waveform=torch.zeros(count, 1),
        lengths=torch.ones(count, dtype=torch.int64),
    )


def shares(made: Tensor) -> tuple[float, float]:
    """Of the variance of `made (speakers, frames, D)`, the same content by each speaker, the parts
    that the speaker and the frame explain."""
    made = made.detach()
    mean = made.mean(dim=(0, 1))
    total = (made - mean).square().mean()
    parts = [(made.mean(dim=by) - mean).square().mean() / total for by in (1, 0)]
    return float(parts[0]), float(parts[1])


def encode_with(encoder: SpeakerEncoder) -> Encode:
    """The encoder as a task sees it, without a model around it."""

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        encoding: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten())
        return encoding

    return encode


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
