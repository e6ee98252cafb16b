"""What is infilled: one span of each row, within the row; and what reads the rest."""

from functools import partial

import torch
from tiny_models import encoding_of

from joint.conditioning.fusion import FilmFusion
from tasks.synthesis.voicebox.context import ContextStack, random_spans


def test_spans() -> None:
    torch.manual_seed(0)
    lengths = torch.tensor([100, 40, 1])
    mask = torch.arange(100) < lengths[:, None]
    whole = 0
    for _ in range(300):
        spans = random_spans(mask, 0.5, 0.3)
        assert not (spans & ~mask).any()
        count = spans.sum(dim=1)
        assert (count >= (0.5 * lengths).ceil()).all() and (count <= lengths).all()
        # one piece: it begins once
        begins = spans[:, 0].long() + (spans[:, 1:] & ~spans[:, :-1]).sum(dim=1)
        assert (begins == 1).all()
        whole += int(count[0] == 100)
    assert 70 < whole < 120  # 0.3 of 300, and those whose drawn length is rounded up
    assert torch.equal(random_spans(mask, 0.5, 1.0), mask)


def test_far_context_is_read_and_padding_is_not() -> None:
    torch.manual_seed(0)
    stack = ContextStack(5, 16, 1, 1, 32, 2, lambda width: FilmFusion(width, 8)).eval()
    read = partial(stack, encoding=encoding_of(torch.randn(1, 8)))
    x, mask = torch.randn(1, 90, 5), torch.ones(1, 90, 1)
    changed = x.clone()
    changed[:, :10] += 1.0
    with torch.no_grad():
        usual = read(x, mask)
        assert not torch.allclose(read(changed, mask)[:, -1], usual[:, -1], atol=1e-4)
        longer = torch.cat([x, torch.full((1, 30, 5), 7.0)], dim=1)
        padded = read(longer, torch.cat([mask, torch.zeros(1, 30, 1)], dim=1))
    torch.testing.assert_close(padded[:, :90], usual, atol=1e-5, rtol=1e-5)
    assert not padded[:, 90:].any()
