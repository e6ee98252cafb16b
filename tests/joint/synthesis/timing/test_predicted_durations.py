"""Durations in whole frames add up to what was predicted; the loss counts what is there."""

import pytest
import torch
from tiny_models import encoding_of
from torch import Tensor

from joint.conditioning.fusion import FilmFusion
from joint.seeding import seeded
from joint.synthesis.timing.durations import UNTOLD, DurationPredictor, whole_frames

DIM, EMBEDDING = 8, 6
ENCODING = encoding_of(torch.randn(2, EMBEDDING, generator=torch.Generator().manual_seed(1)))


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
