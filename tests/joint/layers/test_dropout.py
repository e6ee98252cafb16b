"""Dropout by bytes: a share is dropped, the mean stays, evaluation changes nothing."""

import pytest
import torch

from joint.layers.dropout import ByteDropout


def test_bytes_drop_a_share_and_keep_the_mean() -> None:
    torch.manual_seed(0)
    found = ByteDropout(0.25)(torch.ones(1001, 1001))
    assert found.unique().tolist() == pytest.approx([0.0, 256 / 192])
    assert abs(float((found == 0).float().mean()) - 0.25) < 0.002
    # neighbours are drawn apart, also within one draw of eight bytes
    both = (found[:, 1:] == 0) & (found[:, :-1] == 0)
    assert abs(float(both.float().mean()) - 0.0625) < 0.002


def test_gradients_pass_where_values_do() -> None:
    x = torch.ones(500, requires_grad=True)
    found = ByteDropout(0.5)(x)
    found.sum().backward()
    assert x.grad is not None and x.grad.equal(found.detach())


def test_nothing_is_dropped_in_evaluation_or_by_zero() -> None:
    x = torch.randn(100)
    assert ByteDropout(0.5).eval()(x).equal(x) and ByteDropout(0.0)(x).equal(x)
    assert not ByteDropout(1.0)(x).any()
