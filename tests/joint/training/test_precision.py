"""`auto` is bf16 where the device multiplies it natively, and float32 elsewhere."""

import pytest
import torch

from joint.training.precision import autocast_for

CPU = torch.device("cpu")


@pytest.mark.parametrize("avx512, amx", [(False, False), (True, False), (False, True)])
def test_auto_follows_the_processor(
    avx512: bool, amx: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    product = torch.ones(2, 2)
    with autocast_for("auto", CPU):
        assert (product @ product).dtype == (torch.bfloat16 if avx512 or amx else torch.float32)


def test_a_precision_that_is_asked_for() -> None:
    product = torch.ones(2, 2)
    for wanted, dtype in (("bf16", torch.bfloat16), ("float32", torch.float32)):
        with autocast_for(wanted, CPU):
            assert (product @ product).dtype == dtype
