"""One span of each row is infilled, within the row."""

import torch

from joint.synthesis.timing.spans import random_spans


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
