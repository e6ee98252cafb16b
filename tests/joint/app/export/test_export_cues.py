"""An exported extractor asks for what it reads of a person, and for no more."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tiny_models import tiny_encoder

from joint.adapters.low_rank import LowRank
from joint.app.export.parts.extractor import ExtractorPart
from joint.conditioning.frame_fusion import CrossAttentionFusion
from joint.conditioning.fusion import MultiplyFusion
from joint.encoders.view import Switch
from joint.errors import ConfigError
from joint.model import JointModel
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.extraction.objectives.second_pass import SecondPass
from tasks.extraction.task import ExtractionTask

EMBEDDING = ("mixture", "embedding")
RECORDING = ("enrollment", "enrollment_lengths")


def model(
    switch: Switch = "frozen", second_pass: SecondPass | None = None, **cues: Any
) -> JointModel:
    """A tiny encoder and an extractor with these cues."""
    extractor = partial(small_bsrnn, features=8, depth=1, bottleneck=8, **cues)
    encoder = tiny_encoder()
    task = ExtractionTask(12, extractor, second_pass=second_pass)
    adapters = {"extraction": LowRank(encoder, rank=2)} if switch == "adapter" else {}
    whole = JointModel(encoder, {"extraction": task}, None, {"extraction": switch}, adapters)
    return whole.eval()


def attention(features: int, embedding_dim: int) -> CrossAttentionFusion:
    """Attention to the frames of the encoder."""
    return CrossAttentionFusion(features, embedding_dim, frame_dim=32, heads=2)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: model(profile=False), EMBEDDING),
        (lambda: model(profile=True), (*EMBEDDING, *RECORDING)),
        (lambda: model(profile=False, contextual=attention), ("mixture", *RECORDING)),
        (lambda: model("adapter", profile=False, fusion=MultiplyFusion), ("mixture", *RECORDING)),
    ],
    ids=["embedding", "profile", "frames", "adapter"],
)
def test_inputs(made: Callable[[], JointModel], expected: tuple[str, ...]) -> None:
    part = ExtractorPart(made())
    assert tuple(part.inputs) == expected
    speech = [
        0.1 * torch.randn(9_000, generator=torch.Generator().manual_seed(i)) for i in range(8)
    ]
    for example in part.examples(speech):
        assert len(example) == len(expected)
        with torch.no_grad():
            assert part(*example).shape == example[0].shape


def test_two_passes_are_refused() -> None:
    with pytest.raises(ConfigError, match="extracts twice"):
        ExtractorPart(model(second_pass=SecondPass(inference=True)))
