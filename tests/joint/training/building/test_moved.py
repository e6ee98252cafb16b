"""Class paths are the file format: whoever named a class by its former path still finds it."""

import importlib
from pathlib import Path

import pytest
from hydra.utils import get_object
from support import ROOT

from joint.errors import CheckpointError
from joint.training import checkpoint
from joint.training.building import moved
from joint.training.building.model import load_model
from joint.training.building.moved import MODULES, NAMES, current_path
from joint.training.building.objects import build

SHIPPED = ROOT / "pretrained" / "speechocean762_librispeech_joint" / "model.safetensors"


@pytest.mark.parametrize("module", sorted({*MODULES.values()}))
def test_modules_are_where_the_table_says(module: str) -> None:
    assert importlib.import_module(module).__doc__


@pytest.mark.parametrize("name", sorted({*NAMES.values()}))
def test_names_are_where_the_table_says(name: str) -> None:
    assert callable(get_object(name))


def test_the_table_is_followed_in_one_step() -> None:
    assert not {*MODULES} & {*MODULES.values()} and not {*NAMES} & {*NAMES.values()}


def test_a_name_that_was_renamed_after_its_module_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(moved.NAMES, "tasks.extraction.task.Extraction", "tasks.extraction.task.X")
    assert current_path("tasks.extraction.head.Extraction") == "tasks.extraction.task.X"
    assert current_path("tasks.extraction.task.Extraction") == "tasks.extraction.task.X"
    assert current_path("mylab.ecapa.Ecapa") == "mylab.ecapa.Ecapa"
    assert current_path("nothing") == "nothing"


def test_a_checkpoint_that_names_former_paths_loads(tmp_path: Path) -> None:
    tensors, metadata = checkpoint.read(SHIPPED)
    former = "joint.encoders.ecapa.EcapaTdnn"
    metadata["config"]["encoder"]["backbone"]["_target_"] = former
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(former.rpartition(".")[0])
    checkpoint.write(tmp_path / "former.safetensors", tensors, metadata)
    model, _ = load_model(tmp_path / "former.safetensors")
    assert type(model.encoder.backbone).__module__ == "joint.encoders.backbones.ecapa"
    assert {"extraction", "verification"} <= set(model.tasks)


@pytest.mark.parametrize("former", ["tasks.extraction", "tasks.extraction.extractors"])
def test_an_extractor_named_with_its_parts_by_former_paths(former: str) -> None:
    """As recipes and checkpoints named them before the parts had a folder."""
    node = {
        "_target_": f"{former}.bsrnn.BandSplitExtractor",
        "depth": 1,
        "blocks": {"_target_": f"{former}.sequence.small_blocks", "_partial_": True},
    }
    blocks = build(node, "extractor", embedding_dim=8).blocks
    assert type(blocks[0]).__module__ == "tasks.extraction.extractors.band_split.sequence"


def test_a_path_in_no_table(tiny_checkpoint: Path, tmp_path: Path) -> None:
    tensors, metadata = checkpoint.read(tiny_checkpoint)
    metadata["config"]["encoder"]["backbone"]["_target_"] = "joint.encoders.attic.XvectorTdnn"
    checkpoint.write(tmp_path / "other.safetensors", tensors, metadata)
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path / "other.safetensors")
    text = str(error.value)
    assert "\n" not in text and str(tmp_path) in text
    assert "encoder.backbone._target_: found joint.encoders.attic.XvectorTdnn" in text
