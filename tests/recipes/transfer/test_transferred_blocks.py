"""A recogniser's Conformer begins the speaker encoder, and the other way round, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from support import ROOT
from torch import nn

from joint.encoders.frames import Frames
from joint.experiments.ablation import Grid
from joint.model import JointModel
from joint.training import checkpoint
from joint.training.building.initialisation import initialise
from joint.training.building.model import Classes, build_model
from joint.training.config.schema import RecipeConfig, load_config, plain
from tasks.recognition.task import RecognitionTask

GRIDS = ROOT / "recipes" / "transfer" / "grids"
CLASSES = Classes(10, ("SIL", "AA"))


def built(config: RecipeConfig, seed: int) -> JointModel:
    parts: dict[str, Any] = plain(config)
    return build_model(parts["encoder"], parts["tasks"], CLASSES, seed=seed).eval()


def configs(grid: str, output: Path, source: Path) -> dict[str, RecipeConfig]:
    """The recipe of each variant of a grid, initialised from `source`."""
    found = {}
    for run in Grid.load(GRIDS / f"{grid}.yaml", [f"output={output}", "seeds=[1]"]).runs():
        parts = run.config.get("init_parts") or {}
        parts.pop("encoder", None)  # the shipped one, beside a recogniser
        for part in parts.values():
            part.checkpoint = str(source)
        output.mkdir(exist_ok=True)
        OmegaConf.save(run.config, output / "recipe.yaml")
        found[run.variant] = load_config(output / "recipe.yaml")
    return found


def blocks(model: JointModel) -> list[nn.Module]:
    """Subsampling and blocks, of the recogniser where there is one."""
    if "recognition" not in model.tasks:
        backbone = model.encoder.backbone
        return [backbone.subsampling, *backbone.blocks]  # type: ignore[list-item,misc]
    task = model.tasks["recognition"]
    assert isinstance(task, RecognitionTask)
    return [task.core.subsampling, *task.core.lower.blocks, *task.core.upper.blocks]


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("grid", ["verification", "recognition"])
def test_as_many_blocks_as_its_name_says(grid: str, tmp_path: Path) -> None:
    """And the subsampling before them; everything else keeps the weights it was drawn with."""
    other = "recognition" if grid == "verification" else "verification"
    first = next(iter(configs(other, tmp_path / "other", tmp_path / "source").values()))
    source = built(first, seed=1)
    tensors = checkpoint.model_tensors(source)
    checkpoint.write(tmp_path / "source", tensors, {})
    found = configs(grid, tmp_path / "grid", tmp_path / "source")
    assert "from scratch" in found and len(found) >= 3
    for name, config in found.items():
        model, untouched = built(config, seed=2), built(config, seed=2)
        initialise(model, config, tmp_path)
        count = 0 if "scratch" in name else 1 + int(name.split()[0])
        copied = [same(a, b) for a, b in zip(blocks(model), blocks(source), strict=True)]
        assert copied == [place < count for place in range(7)], name
        drawn = [same(a, b) for a, b in zip(blocks(model), blocks(untouched), strict=True)]
        assert drawn == [place >= count for place in range(7)], name


def test_transferred_blocks_do_what_they_did(tmp_path: Path) -> None:
    """The layers of the speaker encoder are those of the recogniser, front-end included."""
    first = next(iter(configs("recognition", tmp_path / "a", tmp_path / "source").values()))
    source = built(first, seed=1)
    checkpoint.write(tmp_path / "source", checkpoint.model_tensors(source), {})
    config = configs("verification", tmp_path / "b", tmp_path / "source")["6 blocks"]
    model = built(config, seed=2)
    initialise(model, config, tmp_path)
    waveform, lengths = 0.1 * torch.randn(2, 16_000), torch.tensor([16_000, 12_000])
    task = source.tasks["recognition"]
    assert isinstance(task, RecognitionTask)
    with torch.no_grad():
        lower: Frames = task.core.encode(waveform, lengths)
        upper = task.core.decode(lower).hidden
        layers = model.encoder(waveform, lengths, layers=("block3", "block6")).layers
    for name, frames in (("block3", lower), ("block6", upper)):
        assert torch.equal(layers[name].features, frames.features.transpose(1, 2)), name
