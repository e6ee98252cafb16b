"""The phonetic network inside an encoder: constant, initialised, of the right width."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY
from torch import nn

from joint.encoders.backbones.phonetic import ImplicitPhoneticAttention, PhoneticNetwork
from joint.encoders.backbones.tdnn import XvectorTdnn
from joint.encoders.frames import Frames
from joint.errors import CheckpointError, ConfigError
from joint.training import checkpoint
from joint.training.run import train

TDNN = {"_target_": "joint.encoders.backbones.tdnn.XvectorTdnn", "channels": 16, "output_dim": 48}
GUIDED = {
    "_target_": "joint.encoders.backbones.phonetic.ImplicitPhoneticAttention",
    "width": 8,
    "backbone": {**TDNN, "features": 48},
    "phonetic": {
        "_target_": "joint.encoders.backbones.phonetic.PhoneticNetwork",
        "layer": "tdnn4",
        "width": 16,
        "backbone": {**TDNN, "features": 40},
    },
}


def test_it_never_learns_and_never_counts() -> None:
    torch.manual_seed(0)
    network = PhoneticNetwork(XvectorTdnn(80, 16, 24), "tdnn2", 16)
    model = ImplicitPhoneticAttention(XvectorTdnn(84, 16, 24), network, 4)
    former = {name: value.clone() for name, value in network.state_dict().items()}
    nn.Module.requires_grad_(model.train(), True)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(Frames(torch.randn(4, 50, 80), None))[0].features.square().mean().backward()
    optimizer.step()
    assert not list(network.parameters()) and not network.backbone.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, former[name]), name


def test_init_parts_bring_the_weights(tiny_overrides: list[str], tmp_path: Path) -> None:
    steps = [*tiny_overrides, "trainer.max_steps=1"]
    source = train(TINY, [*steps, f"output={tmp_path / 'source'}"])
    recipe = OmegaConf.load(TINY)
    recipe["encoder"]["backbone"] = GUIDED
    part = "encoder.backbone.bottleneck.phonetic.backbone"
    recipe["init_parts"] = {part: {"checkpoint": str(source), "part": "encoder.backbone"}}
    path = tmp_path / "guided.yaml"
    OmegaConf.save(recipe, path)
    made = train(path, [*steps, f"output={tmp_path / 'guided'}"])
    given, found = checkpoint.read(source)[0], checkpoint.read(made)[0]
    names = [n for n in given if n.startswith("model/encoder.backbone.")]
    assert names
    for name in names:
        there = name.replace("model/encoder.backbone.", f"model/{part}.")
        assert torch.equal(found[there], given[name]), name

    recipe["init_parts"] = {"encoder.backbone.phonetics": {"checkpoint": str(source), "part": "x"}}
    OmegaConf.save(recipe, path)
    with pytest.raises(ConfigError, match=r"encoder.backbone.*perhaps"):
        train(path, [*steps, f"output={tmp_path / 'other'}"])
    recipe["init_parts"] = {part: {"checkpoint": str(source), "part": "encoder.pooling"}}
    OmegaConf.save(recipe, path)
    with pytest.raises(CheckpointError, match="no tensor"):
        train(path, [*steps, f"output={tmp_path / 'third'}"])


@pytest.mark.parametrize("layer, width", [("tdnn9", 16), ("tdnn2", 17)])
def test_what_is_refused(layer: str, width: int) -> None:
    network = PhoneticNetwork(XvectorTdnn(80, 16, 24), layer, width)
    with pytest.raises(ConfigError, match="phonetic layer"):
        network(Frames(torch.randn(1, 50, 80), None))
