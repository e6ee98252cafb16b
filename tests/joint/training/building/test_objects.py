"""Objects from a configuration: arguments that fit, and nothing of somebody else's."""

from pathlib import Path
from typing import Any

import pytest
from support import TINY

from joint.encoders.backbones.ecapa import EcapaTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.training.building.model import Classes, build_model
from joint.training.building.objects import build
from joint.training.config.schema import load_config, plain

ECAPA = "joint.encoders.backbones.ecapa.EcapaTdnn"
SYSTEM = {"_target_": "os.system", "command": "touch PROOF"}


@pytest.fixture
def node() -> dict[str, Any]:
    """The tiny recipe's encoder."""
    encoder: dict[str, Any] = plain(load_config(TINY, ["data.train=x"]))["encoder"]
    return encoder


def test_a_class_with_its_arguments(node: dict[str, Any]) -> None:
    encoder = build(node, "encoder")
    assert isinstance(encoder, SpeakerEncoder) and encoder.embedding_dim == 32
    assert encoder.frontend.output_dim == 40 and encoder.pooling.output_dim == 96


def test_what_is_supplied_fills_what_is_left_out() -> None:
    assert build({"_target_": ECAPA}, "x", channels=16, unknown=3).input.conv.out_channels == 16
    given = {"_target_": ECAPA, "channels": 8}
    assert build(given, "x", channels=16).input.conv.out_channels == 8
    assert isinstance(build(given, "x"), EcapaTdnn)


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown argument": ({"chanels": 8}, ("encoder.chanels", "'channels', perhaps")),
    "wrong type": ({"channels": "wide"}, ("encoder.channels", "'wide'", "a whole number")),
    "a fraction": ({"channels": 0.5}, ("encoder.channels", "0.5", "a whole number")),
    "a truth": ({"channels": True}, ("encoder.channels", "True", "a whole number")),
    "nothing": ({"channels": None}, ("encoder.channels: found nothing; expected a whole number",)),
    "none of the choices": ({"padding": "mirror"}, ("encoder.padding", "zeros or reflect")),
    "not a name": ({"_target_": 3}, ("encoder._target_", "3")),
    "no such class": ({"_target_": f"{ECAPA}s"}, (f"{ECAPA}s", "can be imported")),
    "somebody else's": ({"_target_": "os.system"}, ("os.system", "--allow-package")),
    "torch's": ({"_target_": "torch.nn.Linear"}, ("torch.nn.Linear", "--allow-package")),
}


@pytest.mark.parametrize("change, expected", BAD.values(), ids=BAD.keys())
def test_refused(change: dict[str, Any], expected: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as error:
        build({"_target_": ECAPA, **change}, "encoder")
    for part in expected:
        assert part in str(error.value)


def test_no_class_at_all() -> None:
    with pytest.raises(ConfigError, match=r"encoder: .*_target_"):
        build({"channels": 8}, "encoder")


def test_a_missing_argument() -> None:
    with pytest.raises(ConfigError, match="encoder"):
        build({"_target_": "joint.encoders.encoder.SpeakerEncoder"}, "encoder")


HIDDEN = {
    "as an argument": {"frontend": SYSTEM},
    "in a list": {"frontend": [1, [SYSTEM]]},
    "in a mapping": {"frontend": {"x": {"y": SYSTEM}}},
    "through an own module": {
        "frontend": {"_target_": "joint.training.checkpoint.os.system", "command": "touch PROOF"}
    },
    "an own function": {
        "frontend": {"_target_": "joint.files.atomic_write", "path": "PROOF", "content": ""}
    },
    "an own class that is no module": {"frontend": {"_target_": "joint.scene.Room"}},
    "positional": {"_args_": [SYSTEM]},
}


@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN.keys())
def test_nothing_foreign_is_called(
    node: dict[str, Any],
    change: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A checkpoint's configuration is somebody else's word."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError):
        build({**node, **change}, "encoder")
    assert not list(tmp_path.iterdir())


def test_a_package_can_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mylab.py").write_text(
        "from joint.encoders.backbones.tdnn import XvectorTdnn\n"
        "class Mine(XvectorTdnn):\n"
        "    pass\n"
        "def make() -> Mine:\n"
        "    return Mine()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("Mine", "make"):
        node = {"_target_": f"mylab.{name}"}
        assert type(build(node, "x", packages=["mylab"])).__name__ == "Mine"
        with pytest.raises(ConfigError, match="mylab"):
            build(node, "x")


def test_an_encoder_must_be_one() -> None:
    with pytest.raises(ConfigError, match=r"encoder\._target_: found EcapaTdnn"):
        build_model({"_target_": ECAPA}, {}, Classes(3))
