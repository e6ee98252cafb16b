"""Losses of the predictors count what is there."""

import math

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.seeding import seeded
from joint.synthesis.pitch import PitchRange
from joint.synthesis.spoken import Prosody
from tasks.synthesis.predictors import ProsodyPredictor

DIM, EMBEDDING = 8, 6
ENCODING = encoding_of(torch.randn(2, EMBEDDING, generator=torch.Generator().manual_seed(1)))
VOICES = PitchRange(torch.tensor([5.0, 5.5]), torch.tensor([0.2, 0.1]))


def fusion(width: int) -> FilmFusion:
    return FilmFusion(width, EMBEDDING)


def inputs() -> tuple[Tensor, Tensor]:
    """Features of 20 and 8 places and their mask."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(2, 20, DIM, generator=rng), torch.arange(20) < torch.tensor([[20], [8]])


def prosody(pitch: float, voiced: Tensor, energy: float) -> Prosody:
    return Prosody(torch.full((2, 20), pitch), voiced.float(), torch.full((2, 20), energy))


def test_prosody_of_a_predictor() -> None:
    """Untrained it predicts the middle of each voice's range."""
    with seeded(0, "prosody"):
        predictor = ProsodyPredictor(DIM, 16, 1, fusion)
    content, mask = inputs()
    torch.nn.init.zeros_(predictor.output.bias)
    found = predictor(content, VOICES, mask, ENCODING)
    torch.testing.assert_close(found.pitch, VOICES.mean[:, None].expand(2, 20))
    torch.testing.assert_close(found.energy, torch.full((2, 20), -0.7))
    voiced = (torch.arange(20) % 2 == 0).expand(2, -1)
    losses = predictor.loss(content, prosody(5.2, voiced, -0.7), VOICES, mask, ENCODING)
    # one spread above the first voice's mean, three under the second's; 10 and 4 frames are voiced
    assert float(losses.pitch.detach()) == pytest.approx((10 * 1.0 + 4 * 9.0) / 14, rel=1e-4)
    assert float(losses.voicing.detach()) == pytest.approx(math.log(2.0))
    assert float(losses.energy.detach()) == pytest.approx(0.0, abs=1e-10)
    none = predictor.loss(content, prosody(5.2, 0 * voiced, 0.9), VOICES, mask, ENCODING)
    assert float(none.pitch.detach()) == 0.0
    assert float(none.energy.detach()) == pytest.approx(1.0, rel=1e-4)
    sum((none.pitch, none.voicing, none.energy), torch.zeros(())).backward()
    assert predictor.output.weight.grad is not None
