"""Models small enough for a test, and batches to run them on."""

from typing import Any

import torch
from torch import Tensor, nn

from joint.adapters.low_rank import Adapter, LowRank
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frontends.filterbank import Filterbank
from joint.encoders.pooling.statistics import StatisticsPooling
from joint.encoders.view import Switch
from joint.losses.margin import AamSoftmax
from joint.model import JointModel
from joint.outputs import SpeakerEncoding
from joint.scene import SceneBatch
from joint.seeding import seeded
from joint.task import Encode
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


def encode_with(encoder: SpeakerEncoder) -> Encode:
    """The encoder as a task sees it, without a model around it."""

    def encode(audio: Tensor, lengths: Tensor, role: str) -> SpeakerEncoding:
        encoding: SpeakerEncoding = encoder(audio.flatten(0, -2), lengths.flatten())
        return encoding

    return encode
