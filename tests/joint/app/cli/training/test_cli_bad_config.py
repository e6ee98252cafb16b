"""Configurations that cannot be used: one line with the key's path, exit 2, nothing written."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf
from support import ROOT, TINY, Command, Refused

from joint.training.config.schema import load_config, plain

LAYER = (
    "{_target_: joint.conditioning.frame_fusion.CrossAttentionFusion, _partial_: true, "
    "heads: 2, layer: block7}"
)
"""A cue from a layer that the encoder of `tiny.yaml` does not have."""

OVERRIDES = {
    "unknown key": ("trainer.max_stepz=3", ("trainer.max_stepz", "max_steps")),
    "unknown key in a class": ("encoder.chanels=8", ("encoder.chanels", "one of backbone")),
    "wrong type": ("trainer.max_steps=many", ("trainer.max_steps", "many")),
    "wrong type in a class": ("encoder.embedding_dim=wide", ("encoder.embedding_dim", "wide")),
    "no value": ("trainer.max_steps", ("trainer.max_steps", "key=value")),
    "another's class": ("encoder._target_=os.system", ("os.system", "--allow-package")),
    "no such class": ("encoder._target_=joint.encoders.Nothing", ("joint.encoders.Nothing",)),
    "an unknown task": ("streams.new.tasks=[singing]", ("singing", "verification")),
    "a cue without its layer": (
        f"tasks.extraction.task.extractor.contextual={LAYER}",
        ("tasks.extraction.task: layer: found block7; expected tdnn1 or tdnn2 or tdnn3",),
    ),
    "no data": ("data.train=/nowhere/at/all", ("/nowhere/at/all",)),
    "no checkpoint to start from": ("init=[/nowhere/c.safetensors]", ("/nowhere/c.safetensors",)),
}


@pytest.fixture
def run(tiny_overrides: list[str], tmp_path: Path) -> list[object]:
    return ["train", TINY, *tiny_overrides, f"output={tmp_path / 'run'}"]


@pytest.mark.parametrize("override, expected", OVERRIDES.values(), ids=OVERRIDES.keys())
def test_override(
    refused: Refused, run: list[object], tmp_path: Path, override: str, expected: tuple[str, ...]
) -> None:
    line = refused(*run, override)
    for part in expected:
        assert part in line
    assert not (tmp_path / "run").exists()


def test_a_task_whose_fields_the_data_lack(
    refused: Refused, run: list[object], tmp_path: Path
) -> None:
    streams = OmegaConf.load(TINY)["streams"]
    name = next(name for name, stream in streams.items() if "extraction" in stream["tasks"])
    scenes = f"streams.{name}.scenes"
    line = refused(*run, f"{scenes}.speakers=0", f"{scenes}.enrollments=1")
    assert "extraction" in line and "mixture" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "trainer: [1, 2", "- a\n- list\n", "\0"], ids=repr)
def test_a_file_that_is_no_recipe(
    refused: Refused, tiny_overrides: list[str], tmp_path: Path, text: str
) -> None:
    config = tmp_path / "recipe.yaml"
    config.write_text(text)
    line = refused("train", config, *tiny_overrides, f"output={tmp_path / 'run'}")
    assert str(config) in line


def test_print_config(joint_command: Command, tmp_path: Path) -> None:
    recipe = ROOT / "recipes" / "speechocean762" / "finetuning.yaml"
    folder = str(tmp_path / "nowhere")
    changes = [f"data.train={folder}", "encoders@encoder=xvector_256", f"output={tmp_path / 'run'}"]
    outcome = joint_command("train", recipe, *changes, "--print-config")
    assert outcome.code == 0 and not outcome.err
    (tmp_path / "whole.yaml").write_text(outcome.out)
    whole = load_config(tmp_path / "whole.yaml")
    assert "defaults" not in outcome.out
    assert plain(whole) == plain(load_config(recipe, changes))
    assert whole.encoder["backbone"]["channels"] == 256 and whole.data.train == folder
    assert not (tmp_path / "run").exists()


def test_no_such_file(refused: Refused, tmp_path: Path) -> None:
    assert str(tmp_path / "no.yaml") in refused("train", tmp_path / "no.yaml")
