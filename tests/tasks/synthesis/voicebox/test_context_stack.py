"""What is infilled reads the context, however far away, and no padding."""

from functools import partial

import torch
from tiny_models import encoding_of

from joint.conditioning.fusion import FilmFusion
from tasks.synthesis.voicebox.context import ContextStack


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
