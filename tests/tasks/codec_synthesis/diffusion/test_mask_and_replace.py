"""The forward process of the diffusion against its transition matrices, the way back against Bayes
by enumeration."""

import pytest
import torch
from torch import Tensor

from joint.errors import ConfigError
from tasks.codec_synthesis.diffusion.noise import MaskAndReplace

SIZE, STEPS = 5, 8
NOISE = MaskAndReplace(SIZE, STEPS, 0.9)
EVERY = torch.arange(SIZE)[None]


def matrix(before: int, step: int) -> Tensor:
    """Of each code and the mask (rows) the probabilities of what it becomes (columns)."""
    found = NOISE.between(torch.tensor([before]), torch.tensor([step]))
    keep, replace, mask = (float(x) for x in found)
    result = torch.zeros(SIZE + 1, SIZE + 1)
    result[:SIZE, :SIZE] = keep * torch.eye(SIZE) + replace
    result[:SIZE, SIZE] = mask
    result[SIZE, SIZE] = 1.0
    return result


def test_the_closed_form_is_the_product_of_the_steps() -> None:
    product = torch.eye(SIZE + 1)
    for step in range(1, STEPS + 1):
        single = matrix(step - 1, step)
        assert (single >= 0).all()
        torch.testing.assert_close(single.sum(dim=1), torch.ones(SIZE + 1))
        product = product @ single
        found = NOISE.probabilities(EVERY, torch.tensor([step]))[0]
        torch.testing.assert_close(found, product[:SIZE], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(found.sum(dim=1), torch.ones(SIZE))
    torch.testing.assert_close(product[0], torch.tensor([0.02] * SIZE + [0.9]))


@pytest.mark.parametrize(("before", "step"), [(0, 1), (3, 4), (2, 7), (0, 8), (5, 8)])
def test_the_posterior_is_that_of_bayes(before: int, step: int) -> None:
    first, second, both = matrix(0, before), matrix(before, step), matrix(0, step)
    start = torch.tensor([0.4, 0.3, 0.2, 0.1, 0.0])
    noisy = torch.arange(SIZE + 1)[None]
    places = torch.tensor([step]), torch.tensor([before])
    found = NOISE.posterior(start.expand(1, SIZE + 1, -1), noisy, *places)[0]
    for code in range(SIZE + 1):
        expected = torch.zeros(SIZE + 1)
        for clean in range(SIZE):
            joint = first[clean] * second[:, code] / both[clean, code]
            expected += start[clean] * joint
        torch.testing.assert_close(found[code], expected, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found.sum(dim=1), torch.ones(SIZE + 1))


def test_draws_have_the_probabilities() -> None:
    torch.manual_seed(0)
    codes = torch.full((1, 20_000), 2)
    step = torch.tensor([6])
    drawn = NOISE.noised(codes, step)[0]
    shares = torch.bincount(drawn, minlength=SIZE + 1) / len(drawn)
    expected = NOISE.probabilities(codes[:, :1], step)[0, 0]
    torch.testing.assert_close(shares, expected, atol=0.01, rtol=0.0)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="diffusion_steps: found 0"):
        MaskAndReplace(SIZE, 0)
    for masked in (1.0, -0.1):
        with pytest.raises(ConfigError, match="masked: found"):
            MaskAndReplace(SIZE, STEPS, masked)
