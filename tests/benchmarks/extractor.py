"""The extractor: the published size against a peer's, and the small size alone."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.metrics.separation import si_sdr_db
from joint.outputs import SpeakerEncoding
from joint.units import SAMPLE_RATE
from tasks.extraction.extractors.bsrnn import published_bsrnn, small_bsrnn
from tests.benchmarks.peers import wesep_bsrnn
from tests.benchmarks.settings import Settings
from tests.benchmarks.timing import Contestant, Line, race

SECONDS, EMBEDDING = 3.0, 192
SMALL_BATCH = 16

Extract = Callable[[Tensor, Tensor], Tensor]
"""Mixture `(B, S)` and embedding `(B, E)` to an estimate `(B, S)`."""


def ours(model: nn.Module) -> Extract:
    """Our extractor, given the embedding alone."""

    def extract(mixture: Tensor, embedding: Tensor) -> Tensor:
        nobody = torch.zeros(len(embedding), 1, 1)
        lengths = torch.full((len(embedding),), mixture.shape[1])
        encoding = SpeakerEncoding(
            embedding=embedding,
            frames=nobody,
            frame_mask=torch.ones(len(embedding), 1, dtype=torch.bool),
            waveform=mixture,
            lengths=lengths,
        )
        estimate: Tensor = model(mixture, encoding).waveform
        return estimate

    return extract


def inference(model: nn.Module, extract: Extract, bf16: bool) -> Callable[[], None]:
    """One mixture of 3 s."""
    mixture, embedding = torch.randn(1, int(SECONDS * SAMPLE_RATE)), torch.randn(1, EMBEDDING)

    def run() -> None:
        model.eval()
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            extract(mixture, embedding)

    return run


def training(model: nn.Module, extract: Extract, bf16: bool, batch: int = 1) -> Callable[[], None]:
    """Forward, SI-SDR, backward and an optimizer step on `batch` mixtures of 3 s."""
    mixture, reference = torch.randn(2, batch, int(SECONDS * SAMPLE_RATE))
    embedding = torch.randn(batch, EMBEDDING)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            estimate = extract(mixture, embedding)
        loss = -si_sdr_db(estimate.float(), reference).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def published(settings: Settings) -> list[Line]:
    """BSRNN 128 × 6 at 16 kHz, hop 8 ms: inference and a training step."""
    torch.manual_seed(0)
    model = published_bsrnn(EMBEDDING)
    models: list[tuple[str, nn.Module, Extract]] = [("ours", model, ours(model))]
    if settings.wesep:
        peer = wesep_bsrnn(settings.wesep, EMBEDDING)
        models.append(("WeSep", peer, lambda mixture, embedding: peer(mixture, embedding)[0]))
    lines = []
    for what, kind in (("inference", inference), ("training step", training)):
        contestants = [
            Contestant(f"{who} {'bf16' if bf16 else 'float32'}", kind(net, extract, bf16), SECONDS)
            for who, net, extract in models
            for bf16 in (True, False)
        ]
        title = f"BSRNN 128 × 6, one mixture of 3 s, {what}"
        lines += race(title, contestants, "RTF", settings.repeats, per_amount=True)
    return lines


def small(settings: Settings) -> list[Line]:
    """The size made for training on a CPU."""
    torch.manual_seed(0)
    model = small_bsrnn(EMBEDDING)
    contestants = [
        Contestant(
            f"ours {'bf16' if bf16 else 'float32'}",
            training(model, ours(model), bf16, SMALL_BATCH),
            SMALL_BATCH,
        )
        for bf16 in (True, False)
    ]
    title = f"small BSRNN, training step, {SMALL_BATCH} × 3 s"
    return race(title, contestants, "mixtures/s", settings.repeats)
