"""`auto` is bf16 where the device multiplies it natively, and float32 elsewhere."""

from pathlib import Path

import pytest
import torch
from support import TINY
from torch import nn

from joint.errors import ConfigError
from joint.training import precision
from joint.training.precision import autocast_for, check_precision
from joint.training.run import train

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


def test_bf16_without_an_lstm_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    others = nn.ModuleList([nn.Linear(2, 2), nn.GRU(2, 2), nn.LSTM(4, 4, proj_size=2)])
    recurrent = nn.ModuleDict({"others": others, "lstm": nn.LSTM(2, 2)})
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: False)
    check_precision("bf16", CPU, others)
    for wanted, device in (("auto", CPU), ("float32", CPU), ("bf16", torch.device("cuda"))):
        check_precision(wanted, device, recurrent)
    with pytest.raises(ConfigError, match=r"^trainer.precision: found bf16, and the LSTM lstm; "):
        check_precision("bf16", CPU, recurrent)
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: True)
    check_precision("bf16", CPU, recurrent)


def test_a_training_says_it_before_its_first_step(
    tiny_overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_has_bf16", lambda: False)
    asked = ["trainer.precision=bf16", "tasks.extraction.task.extractor.recurrent=true"]
    overrides = [*tiny_overrides, *asked, f"output={tmp_path / 'run'}"]
    with pytest.raises(ConfigError, match=r"the LSTM tasks\.extraction.*no bf16 LSTM"):
        train(TINY, overrides)
