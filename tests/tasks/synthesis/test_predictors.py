"""Durations in whole frames add up to what was predicted; losses count what is there."""

import math

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.seeding import seeded
from joint.synthesis.pitch import PitchRange
from joint.synthesis.spoken import Prosody
from tasks.synthesis.predictors import (
    UNTOLD,
    DurationPredictor,
    ProsodyPredictor,
    whole_frames,
)

DIM, EMBEDDING = 8, 6
ENCODING = encoding_of(torch.randn(2, EMBEDDING, generator=torch.Generator().manual_seed(1)))
VOICES = PitchRange(torch.tensor([5.0, 5.5]), torch.tensor([0.2, 0.1]))


def fusion(width: int) -> FilmFusion:
    return FilmFusion(width, EMBEDDING)


def inputs() -> tuple[Tensor, Tensor]:
    """Features of 20 and 8 places and their mask."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(2, 20, DIM, generator=rng), torch.arange(20) < torch.tensor([[20], [8]])


@pytest.mark.parametrize("seed", range(10))
def test_whole_frames_add_up(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    log_frames = 1.5 + 0.7 * torch.randn(3, 40, generator=rng)
    mask = torch.arange(40) < torch.tensor([[40], [17], [1]])
    # the mean of a log-normal distribution
    mean = (log_frames + UNTOLD / 2).exp()
    for rate in (0.5, 1.0):
        durations = whole_frames(log_frames, mask, rate)
        assert durations.dtype == torch.int64
        assert (durations[mask] >= 1).all() and not durations[~mask].any()
        # short phones are the only ones that are lengthened, to a frame
        lengthened = int((mean / rate < 1.0)[mask].sum())
        total = durations.sum(dim=1) - (mean / rate).clamp(min=0.6).mul(mask).sum(dim=1)
        assert (total > -0.51).all() and (total < 0.51 + lengthened).all()


def test_the_rate_of_speech() -> None:
    log_frames = torch.tensor([[2.0, 2.5, 1.8, 2.2, 3.0, 2.1]])
    mask = torch.ones(1, 6, dtype=torch.bool)
    slow, usual, fast = (int(whole_frames(log_frames, mask, r).sum()) for r in (0.5, 1.0, 2.0))
    assert usual == round(float((log_frames + UNTOLD / 2).exp().sum()))
    assert abs(slow - 2 * usual) <= 1 and abs(2 * fast - usual) <= 1
    # nothing is without a frame, and nothing without an end
    assert whole_frames(torch.tensor([[-9.0, 99.0]]), mask[:, :2], 1.0).tolist() == [[1, 200]]


def test_durations_of_a_predictor() -> None:
    with seeded(0, "durations"):
        predictor = DurationPredictor(DIM, 16, 1, fusion)
    phones, mask = inputs()
    together = predictor(phones, mask[..., None].float(), ENCODING)
    alone = predictor(
        phones[1:, :8], mask[1:, :8, None].float(), encoding_of(ENCODING.embedding[1:])
    )
    torch.testing.assert_close(together[1:, :8], alone)
    durations = torch.randint(0, 30, (2, 20), generator=torch.Generator().manual_seed(2))
    loss = predictor.loss(phones, durations, mask, ENCODING)
    errors = (together - durations.clamp(min=1).log())[mask]
    torch.testing.assert_close(loss, errors.square().mean())
    durations[1, 8:] = 200
    assert torch.equal(predictor.loss(phones, durations, mask, ENCODING), loss)


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
