"""The gate lets through what the criterion finds likely."""

from functools import partial

import pytest
import torch

from joint.errors import ConfigError
from joint.losses.loss_gate import LossGate
from joint.losses.margin import AamSoftmax
from joint.losses.metric import AngularPrototypical
from joint.losses.softmax import Softmax


def gate(threshold: float, criterion: object = Softmax) -> LossGate:
    torch.manual_seed(0)
    return LossGate(6, 4, criterion, threshold, start=0.5)  # type: ignore[arg-type]


def test_only_losses_below_the_gate_count() -> None:
    made = gate(1.2)
    embedding, speaker = 2.0 * torch.randn(12, 6), torch.randint(0, 4, (12,))
    rows = torch.stack(
        [made.criterion(embedding[i : i + 1], speaker[i : i + 1]) for i in range(12)]
    )
    kept = rows < 1.2
    assert 0 < int(kept.sum()) < 12
    torch.testing.assert_close(made(embedding, speaker, 0.6), rows[kept].mean())
    torch.testing.assert_close(made(embedding, speaker, 0.4), rows.mean())
    assert torch.equal(made.guess(embedding, speaker), made.criterion.guess(embedding, speaker))


def test_nothing_below_the_gate() -> None:
    made = gate(1e-6, partial(AamSoftmax, margin=0.2))
    embedding = torch.randn(3, 6, requires_grad=True)
    loss = made(embedding, torch.tensor([0, 1, 2]), 1.0)
    loss.backward()
    assert float(loss) == 0.0 and embedding.grad is not None
    assert float(embedding.grad.abs().sum()) == 0.0


def test_refused() -> None:
    for threshold in (0.0, -1.0):
        with pytest.raises(ConfigError, match="threshold: found"):
            gate(threshold)
    with pytest.raises(
        ConfigError, match=r"criterion: found AngularPrototypical; expected a cross"
    ):
        gate(1.0, AngularPrototypical)
