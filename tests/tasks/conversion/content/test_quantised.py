"""Codes: the nearest one, a straight-through gradient, no code out of reach."""

import torch
import torch.nn.functional as F

from joint.seeding import seeded
from tasks.conversion.content.quantised import Quantiser
from tasks.conversion.content.unet import doubled, halved


def test_the_nearest_code_and_a_straight_through_gradient() -> None:
    with seeded(0, "codes"):
        quantiser, x = Quantiser(6, 4), torch.randn(2, 9, 4, requires_grad=True)
    mask = torch.ones(2, 9, 1)
    mask[1, 5:] = 0.0
    quantiser(x, mask)
    quantiser.eval()
    found = quantiser(x, mask)
    codes = quantiser.codebook.vectors
    distances = torch.cdist(F.normalize(x.detach(), dim=2), codes.expand(2, -1, -1))
    assert torch.equal(found.chosen, distances.argmin(dim=2))
    torch.testing.assert_close(found.features[0], 2.0 * codes[found.chosen[0]])  # √width long
    assert not found.features[1, 5:].any()
    weights = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((found.features * weights).sum(), x, retain_graph=True)
    (expected,) = torch.autograd.grad((2.0 * F.normalize(x, dim=2) * weights * mask).sum(), x)
    torch.testing.assert_close(gradient, expected)
    found.loss.backward()
    assert x.grad is not None and x.grad[0].any() and not x.grad[1, 5:].any()


def test_codes_find_the_clusters() -> None:
    """Eight directions, sixteen codes: after some steps no code has two of them."""
    generator = torch.Generator().manual_seed(0)
    centres = F.normalize(torch.randn(8, 16, generator=generator), dim=1)
    with seeded(0, "codes"):
        quantiser = Quantiser(16, 16)
    mask = torch.ones(1, 400, 1)
    for _ in range(60):
        kind = torch.randint(8, (1, 400), generator=generator)
        x = centres[kind] + 0.05 * torch.randn(1, 400, 16, generator=generator)
        found = quantiser(x, mask)
    pairs = set(zip(kind[0].tolist(), found.chosen[0].tolist(), strict=True))
    assert len({code for _, code in pairs}) == len(pairs) >= 8
    assert 7.0 < float(found.perplexity) < 16.0 and float(found.loss) < 0.02


def test_levels_halve_and_double_frames() -> None:
    x, mask = torch.arange(10.0).view(2, 5, 1), torch.ones(2, 5, 1)
    mask[1, 3:] = 0.0
    pairs, own = halved(x * mask, mask)
    assert pairs[0].tolist() == [[0, 1], [2, 3], [4, 0]]
    assert own[..., 0].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert doubled(pairs[..., :1], mask)[..., 0].tolist() == [[0, 0, 2, 2, 4], [5, 5, 7, 0, 0]]
