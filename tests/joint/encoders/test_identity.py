"""An encoder's identity follows its weights and its configuration, and nothing else."""

import copy

import torch
from torch import nn

from joint.encoders.identity import EncoderIdentity, identity_of

CONFIG = {"channels": 4, "kernel": 3}


def encoder() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4))


def fingerprint(module: nn.Module, config: object = CONFIG) -> str:
    return identity_of(module, config, "x").fingerprint


def test_equal_encoders_are_one() -> None:
    reordered = dict(reversed(CONFIG.items()))
    assert fingerprint(encoder()) == fingerprint(encoder().eval(), reordered)


def test_the_name_does_not_count() -> None:
    first, second = (identity_of(encoder(), CONFIG, name) for name in ("a", "b"))
    assert first.fingerprint == second.fingerprint
    assert str(first) == str(EncoderIdentity("a", first.fingerprint)) != str(second)


def test_every_tensor_counts() -> None:
    # running statistics and the scalar counter too
    for name in encoder().state_dict():
        changed = copy.deepcopy(encoder())
        value = changed.state_dict()[name]
        with torch.no_grad():
            value.view(-1)[-1] += 1
        assert fingerprint(changed) != fingerprint(encoder()), name


def test_the_configuration_counts() -> None:
    assert fingerprint(encoder(), CONFIG | {"kernel": 5}) != fingerprint(encoder())


def test_bfloat16_has_one_too() -> None:
    half = encoder().to(torch.bfloat16)
    assert fingerprint(half) != fingerprint(encoder())
