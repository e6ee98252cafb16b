"""Optimizer groups: the encoder, each task, and whatever a dotted prefix names."""

from dataclasses import replace

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY
from tiny_models import noise_batch, tiny_model
from torch import Tensor

from joint.errors import ConfigError
from joint.model import JointModel, StreamBatch
from joint.training.config.schema import GroupConfig, OptimizerConfig, load_config
from joint.training.optimizers import MAIN, clip, make_optimizers, set_rate, train_mode

BOTH = ("verification", "extraction")


def names_by_group(model: JointModel, config: OptimizerConfig) -> dict[str, set[str]]:
    names = {id(p): n for n, p in model.named_parameters()}
    found: dict[str, set[str]] = {}
    for group in make_optimizers(model, config)[MAIN].param_groups:
        found.setdefault(group["name"], set()).update(names[id(p)] for p in group["params"])
    return found


def test_the_encoder_and_each_task_with_its_adapter() -> None:
    model = tiny_model(switches={"extraction": "adapter"})
    found = names_by_group(model, OptimizerConfig())
    assert found.keys() == {"encoder", "tasks.verification", "tasks.extraction"}
    own = ("tasks.extraction.", "adapters.extraction.")
    assert found["tasks.extraction"] == {
        n for n, _ in model.named_parameters() if n.startswith(own)
    }
    assert any(n.startswith("adapters.") for n in found["tasks.extraction"])


def test_the_longest_prefix_wins() -> None:
    groups = {
        "encoder": GroupConfig(lr_scale=0.5, weight_decay=0.0),
        "encoder.backbone": GroupConfig(lr_scale=0.1, clip_norm=2.0),
        "encoder.backbone.convs.1": GroupConfig(weight_decay=0.7),
    }
    config = OptimizerConfig(lr=2.0, weight_decay=0.3, clip_norm=5.0, groups=groups)
    optimizers = make_optimizers(tiny_model(), config)
    set_rate(optimizers.values(), 2.0)
    found = {}
    for group in optimizers[MAIN].param_groups:
        decays = group["params"][0].ndim > 1
        assert decays or group["weight_decay"] == 0.0
        if decays:
            found[group["name"]] = (group["lr"], group["weight_decay"], group["clip_norm"])
    assert found == {
        "encoder": (1.0, 0.0, 5.0),
        "encoder.backbone": (0.2, 0.0, 2.0),
        "encoder.backbone.convs.1": (0.2, 0.7, 2.0),
        "tasks.verification": (2.0, 0.3, 5.0),
        "tasks.extraction": (2.0, 0.3, 5.0),
    }


def test_a_prefix_of_letters_is_no_prefix_of_parts() -> None:
    """`tdnn1` is not above `tdnn10`."""
    groups = {"encoder.backbone.convs.1": GroupConfig(frozen=True)}
    model = tiny_model()
    make_optimizers(model, OptimizerConfig(groups=groups))
    fixed = {n for n, p in model.encoder.named_parameters() if not p.requires_grad}
    assert fixed == {"backbone.convs.1.weight", "backbone.convs.1.bias"}


@pytest.mark.parametrize(
    "prefix, nearest",
    [("encoder.backbon", "encoder.backbone"), ("verification", "tasks.verification")],
)
def test_an_unknown_prefix_names_the_nearest(prefix: str, nearest: str) -> None:
    config = OptimizerConfig(groups={prefix: GroupConfig(lr_scale=0.1)})
    with pytest.raises(ConfigError, match=rf"optimizer\.groups\.{prefix}: .*'{nearest}'"):
        make_optimizers(tiny_model(), config)


def state(model: JointModel) -> dict[str, Tensor]:
    return {n: v.clone() for n, v in model.state_dict().items()}


def test_frozen_groups_stay_as_they_are() -> None:
    """Parameters and running statistics; a part of a frozen part may train."""
    config = OptimizerConfig(
        lr=0.1,
        groups={
            "encoder": GroupConfig(frozen=True),
            "encoder.projection": GroupConfig(frozen=False),
        },
    )
    model = tiny_model(switches={"extraction": "frozen"})
    optimizer = make_optimizers(model, config)[MAIN]
    train_mode(model, config)
    before = state(model)
    for step in range(2):
        model([StreamBatch(noise_batch(seed=step), BOTH)], 0.5).loss.backward()
        clip(optimizer)
        set_rate([optimizer], 0.1)
        optimizer.step()
        optimizer.zero_grad()
    moved = {n for n, v in state(model).items() if not torch.equal(v, before[n])}
    inside = {n for n in moved if n.startswith("encoder.")}
    assert inside == {"encoder.projection.weight", "encoder.projection.bias"}
    assert any(n.startswith("tasks.extraction.") for n in moved)
    # a frozen view of the encoder has not thawed it
    assert not model.encoder.backbone.training and model.encoder.projection.training


def test_groups_are_clipped_by_themselves() -> None:
    groups = {"encoder.projection": GroupConfig(clip_norm=1e-3)}
    model = tiny_model()
    optimizer = make_optimizers(model, OptimizerConfig(clip_norm=1e-2, groups=groups))[MAIN]
    model([StreamBatch(noise_batch(), BOTH)], 0.5).loss.backward()
    before = clip(optimizer)
    norms: dict[str, float] = {}
    for group in optimizer.param_groups:
        squares = sum(float(p.grad.square().sum()) for p in group["params"])
        norms[group["name"]] = norms.get(group["name"], 0.0) + squares
    assert before > 1e-2
    found = {name: value**0.5 for name, value in norms.items()}
    assert found.pop("encoder.projection") == pytest.approx(1e-3, rel=1e-3)
    assert list(found.values()) == pytest.approx([1e-2] * 3, rel=1e-3)


def test_nothing_to_train() -> None:
    everything = {name: GroupConfig(frozen=True) for name in ("encoder", "tasks")}
    with pytest.raises(ConfigError, match="nothing to train"):
        make_optimizers(tiny_model(), OptimizerConfig(groups=everything))


def test_what_is_frozen_or_weighs_nothing_is_in_no_group() -> None:
    frozen = tiny_model({"verification": 0.0}, {"extraction": "frozen"})
    found = names_by_group(frozen, replace(OptimizerConfig(), kind="sgd"))
    assert found.keys() == {"tasks.extraction"}


def test_groups_come_from_a_recipe_and_its_overrides(tmp_path) -> None:  # type: ignore[no-untyped-def]
    recipe = OmegaConf.load(TINY)
    recipe["optimizer"] = {"groups": {"encoder.pooling": {"lr_scale": 0.1}}}
    recipe["data"] = {"train": "nowhere"}
    OmegaConf.save(recipe, tmp_path / "recipe.yaml")
    overrides = ["optimizer.groups[encoder.pooling].frozen=true"]
    found = load_config(tmp_path / "recipe.yaml", overrides).optimizer.groups
    assert found == {"encoder.pooling": GroupConfig(lr_scale=0.1, frozen=True)}
    with pytest.raises(ConfigError, match=r"lr_scal.*'lr_scale'"):
        load_config(tmp_path / "recipe.yaml", ["optimizer.groups.encoder.lr_scal=1.0"])


def test_lower_layers_learn_more_slowly() -> None:
    groups = {
        "encoder.backbone": GroupConfig(lr_scale=0.5),
        "encoder.backbone.convs": GroupConfig(layer_decay=0.1),
        "encoder.backbone.convs.1": GroupConfig(lr_scale=3.0),
    }
    made = make_optimizers(tiny_model(), OptimizerConfig(groups=groups))[MAIN]
    found = {g["name"]: g["scale"] for g in made.param_groups if "convs" in g["name"]}
    convs = "encoder.backbone.convs"
    expected = {f"{convs}.{i}": 0.5 * 0.1 ** (4 - i) for i in (0, 2, 3, 4)} | {f"{convs}.1": 3.0}
    assert found == pytest.approx(expected)


def test_only_lists_of_layers_have_a_decay() -> None:
    config = OptimizerConfig(groups={"encoder.pooling": GroupConfig(layer_decay=0.9)})
    with pytest.raises(ConfigError, match="found StatisticsPooling; expected a group that is a l"):
        make_optimizers(tiny_model(), config)
