"""One span of each row is infilled, within the row; the end of an enrolment is whole phones."""

import torch

from joint.synthesis.lengths import TimedPhones
from joint.synthesis.timing.spans import last_phones, random_spans


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
    ending = random_spans(mask, 0.5, 0.0, continued=1.0)
    assert all(row[length - 1] for row, length in zip(ending, lengths, strict=True))
    assert not ending[0, 0] or bool(ending[0, :100].all())


def test_the_last_phones() -> None:
    timed = TimedPhones(torch.tensor([[3, 5, 7]]), torch.tensor([[10, 4, 6]]))
    for longest, kept in ((20, [1, 1, 1]), (19, [0, 1, 1]), (10, [0, 1, 1]), (5, [0, 0, 1])):
        assert last_phones(timed, longest).long().tolist() == kept
