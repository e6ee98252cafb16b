"""An encoder's identity follows its weights and its front-end's settings, and nothing else."""

import copy
from typing import Any

import torch
from torch import nn

from joint.encoders.identity import EncoderIdentity, identity_of
from joint.training.building.model import Classes, build_model

CONFIG: dict[str, Any] = {
    "_target_": "joint.encoders.encoder.SpeakerEncoder",
    "embedding_dim": 8,
    "frontend": {
        "_target_": "joint.encoders.frontends.filterbank.Filterbank",
        "bins": 24,
        "normalize": "level",
    },
    "backbone": {
        "_target_": "joint.encoders.backbones.ecapa.EcapaTdnn",
        "features": 24,
        "channels": 16,
        "aggregated": 32,
    },
    "pooling": {"_target_": "joint.encoders.pooling.statistics.AveragePooling", "_partial_": True},
}


def encoder() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4))


def fingerprint(module: nn.Module, config: Any = CONFIG) -> str:
    return identity_of(module, config, "x").fingerprint


def built(config: dict[str, Any]) -> str:
    return fingerprint(build_model(config, {}, Classes(0)).encoder, config)


def with_frontend(**settings: Any) -> dict[str, Any]:
    return CONFIG | {"frontend": CONFIG["frontend"] | settings}


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


def test_a_moved_class_is_the_same_encoder() -> None:
    former = with_frontend(_target_="joint.encoders.frontends.Filterbank")
    former |= {"backbone": CONFIG["backbone"] | {"_target_": "joint.encoders.ecapa.EcapaTdnn"}}
    assert built(former) == built(CONFIG)


def test_a_renamed_layer_is_the_same_encoder() -> None:
    renamed = nn.ModuleDict(dict(zip(("conv", "norm"), encoder().children(), strict=True)))
    assert fingerprint(renamed) == fingerprint(encoder())


def test_settings_of_the_front_end_count() -> None:
    assert fingerprint(encoder(), with_frontend(normalize="bins")) != fingerprint(encoder())
    assert fingerprint(encoder(), with_frontend(bins=40)) != fingerprint(encoder())
    augmented = with_frontend(spec_augment={"probability": 0.6})
    assert fingerprint(encoder(), augmented) == fingerprint(encoder())


def test_another_count_of_bins_is_another_encoder() -> None:
    more = with_frontend(bins=40) | {"backbone": CONFIG["backbone"] | {"features": 40}}
    assert built(more) != built(CONFIG)


def test_bfloat16_has_one_too() -> None:
    half = encoder().to(torch.bfloat16)
    assert fingerprint(half) != fingerprint(encoder())
