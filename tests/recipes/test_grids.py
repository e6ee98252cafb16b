"""Every variant of every grid is a recipe that builds, and is what its name says."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from support import GRIDS, ROOT

from joint.experiments.ablation import Grid
from joint.training.building.model import Classes, build_model
from joint.training.config.schema import RecipeConfig, plain

DIFFERENCES = ("encoder", "tasks", "balance", "streams", "init_parts", "optimizer", "trainer")
"""Keys of a recipe of which two variants have at least one that differs."""


Configs = Callable[[Path], dict[str, RecipeConfig]]


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Configs:
    """The recipe of each variant of a grid, composed once."""

    @cache
    def composed(grid: Path) -> dict[str, RecipeConfig]:
        output = tmp_path_factory.mktemp(grid.stem)
        runs = Grid.load(grid, [f"output={output}", "seeds=[1]"]).runs()
        return {run.variant: run.write_recipe() for run in runs}

    return composed


@pytest.mark.parametrize("grid", GRIDS, ids=lambda path: path.stem)
def test_variants_build(grid: Path, configs: Configs) -> None:
    waveform = 0.1 * torch.randn(2, 16_000)
    made, found = set(), configs(grid)
    for name, config in found.items():
        parts = plain(config)
        classes = Classes(10, ("SIL", "AA"), ("a",))
        model = build_model(parts["encoder"], parts["tasks"], classes, balance=parts["balance"])
        with torch.no_grad():
            embedding = model.encoder(waveform).embedding
        assert embedding.shape == (2, 192) and torch.isfinite(embedding).all(), name
        begun = {part.partition(".")[0] for part in parts["init_parts"]}
        # init_parts of a variant take the place of the recipe's
        assert "encoder" in begun or parts["init"] or not begun, f"{name}: a random encoder"
        made.add(str([parts[key] for key in DIFFERENCES]))
    assert len(made) == len(found), "two variants are the same"


def test_joint_vs_frozen(configs: Configs) -> None:
    found = {}
    grid = ROOT / "recipes" / "speechocean762" / "grids" / "joint_vs_frozen.yaml"
    for name, config in configs(grid).items():
        extraction, verification = config.tasks["extraction"], config.tasks["verification"]
        found[name] = (extraction.encoder, extraction.weight > 0, verification.weight > 0)
    assert found == {
        "frozen": ("frozen", True, False),
        "joint": ("joint", True, False),
        "joint+speaker-loss": ("joint", True, True),
        "speaker-loss-alone": ("joint", False, True),
    }


def test_the_matrix_trains_each_task_and_all(configs: Configs) -> None:
    """Each under every switch, beside the speakers' loss, and all under five balances."""
    found = configs(ROOT / "recipes" / "matrix" / "grids" / "matrix.yaml")
    trained = {
        name: {
            task: (node.weight, node.encoder) for task, node in config.tasks.items() if node.weight
        }
        for name, config in found.items()
    }
    for task in ("extraction", "recognition", "synthesis", "conversion"):
        for switch in ("frozen", "adapter", "joint"):
            assert trained[f"{task}, {switch}"] == {task: (1.0, switch)}
        both = {task: (1.0, "joint"), "verification": (0.3, "joint")}
        assert trained[f"{task} and verification"] == both
    everything = [name for name in found if name.startswith("all, ")]
    assert len(everything) == 5 and all(len(trained[name]) == 5 for name in everything)
    assert len({str(plain(found[name])["balance"]) for name in everything}) == 5
    for name, config in found.items():
        read = {task for stream in config.streams.values() for task in stream.tasks}
        assert read == set(trained[name]), name
