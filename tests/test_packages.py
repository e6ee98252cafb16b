"""What a distribution says of itself, and what is installed beside what pip resolves."""

import importlib
import re
import runpy
from typing import Any

import pytest
import setuptools
import yaml
from support import ROOT, Command

import joint

USED = (
    "espnet2.asr.decoder.transformer_decoder",
    "espnet.nets.batch_beam_search",
    "espnet.nets.scorers.ctc",
    "espnet2.gan_tts.hifigan.hifigan",
)


@pytest.mark.parametrize("module", USED)
def test_networks_of_espnet_import(module: str) -> None:
    """They need the extra `espnet`; CI has it."""
    pytest.importorskip("espnet2", reason="pip install --no-deps espnet==202511")
    importlib.import_module(module)


@pytest.fixture(scope="module")
def distribution() -> dict[str, Any]:
    """What setup.py gives to setuptools."""
    given: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", given.update)
        runpy.run_path(str(ROOT / "setup.py"))
    return given


def test_one_version_everywhere(distribution: dict[str, Any], joint_command: Command) -> None:
    version = joint.__version__
    assert distribution["version"] == version
    assert str(yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]) == version
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None and newest[1] == version
    assert joint_command("--version").out == f"joint {version}\n"


def test_every_extra_is_in_the_table_and_in_all(distribution: dict[str, Any]) -> None:
    extras = distribution["extras_require"]
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?`) \|", page, re.M)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert documented == set(extras)
    everything = {
        p for n, found in extras.items() if n not in {"dev", "docs", "pesq"} for p in found
    }
    assert set(extras["all"]) == everything


def test_the_shipped_checkpoint_and_the_demo_are_packed(distribution: dict[str, Any]) -> None:
    packed = [
        path
        for package, patterns in distribution["package_data"].items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    ]
    names = {path.relative_to(ROOT).as_posix() for path in packed}
    assert "pretrained/speechocean762_librispeech_joint/model.safetensors" in names
    assert {"recipes/speechocean762/demo.yaml", "recipes/common/trainers/gpu.yaml"} <= names
    assert any(name.startswith("recipes/speechocean762/embedded/WAVE/") for name in names)
