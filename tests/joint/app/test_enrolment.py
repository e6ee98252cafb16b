"""An enrolment at the Python interface: a recording, several, or an embedding kept from before."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import tiny_encoder
from torch import Tensor, nn

from joint.app.api import SpeakerModel
from joint.errors import ConfigError, DataError
from joint.model import JointModel
from joint.outputs import SpeakerEncoding
from joint.task import Enrollment
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.bsrnn import small_bsrnn
from tasks.extraction.task import ExtractionTask


class Gain(Extractor):
    """The mixture times a number computed from the embedding."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.gain = nn.Linear(embedding_dim, 1)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        return Estimate(mixture * self.gain(encoding.embedding))


def model(extractor: Callable[..., Extractor]) -> SpeakerModel:
    torch.manual_seed(0)
    task = ExtractionTask(12, extractor)
    made = JointModel(tiny_encoder(), {"extraction": task})
    return SpeakerModel(made, {}, Path("tiny"), "float32")


@pytest.fixture
def noise() -> tuple[np.ndarray, np.ndarray]:
    return tuple(0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32))  # type: ignore[return-value]


def test_a_kept_embedding_extracts_as_its_recording(noise: tuple[np.ndarray, np.ndarray]) -> None:
    mixture, person = noise
    made = model(Gain)
    expected = made.estimate(mixture, person)
    kept = Enrollment.kept(made.embed([person])[0])
    np.testing.assert_allclose(made.estimate(mixture, kept), expected, atol=1e-5)
    both = made.estimate(mixture, Enrollment.of(person[:4000], person[4000:]))
    np.testing.assert_allclose(both, expected, atol=1e-6)


def test_one_that_is_not_enough_is_refused(noise: tuple[np.ndarray, np.ndarray]) -> None:
    mixture, _ = noise
    with pytest.raises(DataError, match=r"shape \(5,\); expected \(12,\)"):
        model(Gain).estimate(mixture, Enrollment.kept(np.zeros(5, np.float32)))

    def spectral(embedding_dim: int) -> Extractor:
        return small_bsrnn(embedding_dim, features=8, depth=1, bottleneck=8)

    with pytest.raises(ConfigError, match=r"profile.*without its recording"):
        model(spectral).estimate(mixture, Enrollment.kept(np.zeros(12, np.float32)))
