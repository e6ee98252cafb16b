"""`joint import` of an extraction model: what it writes works with every verb that extracts."""

import json
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import TINY, Command, Refused
from wesep_checkpoint import Golden, published

from joint.audio import read_audio
from joint.training import checkpoint
from joint.training.run import train
from pretrained.wesep import reader as wesep

GOLDEN = "bsrnn_multiply"


@pytest.fixture
def imported(joint_command: Command, tmp_path: Path) -> Path:
    foreign = published(Golden.load(GOLDEN), tmp_path / "foreign")
    outcome = joint_command("import", foreign, tmp_path / "ours")
    assert outcome.code == 0 and len(outcome.out.splitlines()) == 1
    for word in ("SimamResNet34 from WeSep", "extraction with", "of dimension 16"):
        assert word in outcome.out
    path = tmp_path / "ours" / "model.safetensors"
    assert [path] == list(path.parent.iterdir())
    return path


def test_info(joint_command: Command, imported: Path) -> None:
    outcome = joint_command("info", imported)
    assert outcome.code == 0
    assert "imported_from: WeSep" in outcome.out and "extraction: joint" in outcome.out


def test_extract(
    joint_command: Command, imported: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    mixture, voice = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:2]
    output = tmp_path / "extracted.wav"
    outcome = joint_command(
        *("extract", "--checkpoint", imported, "--mixture", mixture),
        *("--enrollment", voice, "--output", output),
    )
    assert outcome.code == 0, outcome.err
    model = wesep.read(tmp_path / "foreign").model()
    recordings = [torch.from_numpy(read_audio(path)) for path in (mixture, voice)]
    with torch.inference_mode():
        encoding = model.encoder(recordings[1][None])
        expected = model.task("extraction").extractor(recordings[0][None], encoding).waveform[0]
    found = torch.from_numpy(read_audio(output))
    assert len(found) == len(expected)
    # a 16-bit file, computed in bf16 where the processor has it, and perhaps scaled to fit
    assert torch.cosine_similarity(found, expected, dim=0) > 0.99
    # as loud as in the mixture: what is left of it holds nothing of what was extracted
    assert abs(float(found @ (recordings[0] - found))) < 0.01 * float(found @ found)


def test_evaluate(
    joint_command: Command, imported: Path, embedded_corpus: Path, tmp_path: Path
) -> None:
    data = embedded_corpus / "test"
    outcome = joint_command(
        *("evaluate", "extraction", "--checkpoint", imported, "--data", data, "--limit", 1),
        *("--mixtures", data / "mix2_extraction.csv", "--json", tmp_path / "f.json"),
    )
    assert outcome.code == 0, outcome.err
    assert json.loads((tmp_path / "f.json").read_text())["mixtures"] == 1


@pytest.mark.parametrize("how", ["init", "init_parts"])
def test_a_training_begins_with_it(
    how: str, imported: Path, tiny_overrides: list[str], tmp_path: Path
) -> None:
    tensors, metadata = checkpoint.read(imported)
    recipe = OmegaConf.load(TINY)
    recipe["encoder"] = metadata["config"]["encoder"]
    recipe["tasks"] = metadata["config"]["tasks"]
    recipe["streams"]["mixtures"]["tasks"] = ["extraction"]
    recipe["streams"]["mixtures"]["batch_size"] = 1
    parts = {name: {"checkpoint": str(imported)} for name in ("encoder", "tasks.extraction")}
    recipe[how] = [str(imported)] if how == "init" else parts
    OmegaConf.save(recipe, tmp_path / "recipe.yaml")
    overrides = [*tiny_overrides, f"output={tmp_path / 'run'}", "trainer.max_steps=1"]
    overrides += ["optimizer.lr=0.0", "optimizer.weight_decay=0.0"]
    trained, _ = checkpoint.read(train(tmp_path / "recipe.yaml", overrides))
    weights = [n for n in trained if "running_" not in n and "num_batches" not in n]
    assert len(weights) > 100
    for name in weights:
        torch.testing.assert_close(trained[name], tensors[name], msg=name)


def test_nothing_half_written(refused: Refused, tmp_path: Path) -> None:
    golden = Golden.load(GOLDEN)
    foreign = published(golden, tmp_path / "foreign")
    tensors = golden.tensors()
    del tensors["mask.0.1.bias"]
    torch.save({"models": [tensors]}, foreign / "avg_model.pt")
    assert "mask.0.1.bias" in refused("import", foreign, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_model_of_8_khz(refused: Refused, tmp_path: Path) -> None:
    foreign = published(Golden.load(GOLDEN), tmp_path, dataset_args={"resample_rate": 8000})
    line = refused("import", foreign, tmp_path / "ours")
    assert "a model of 8000 Hz" in line and "16000" in line
