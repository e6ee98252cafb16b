"""`joint evaluate audiolm`: two steps of the recipes, and a language model that takes audio."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, Command, Refused, short
from tiny_language_models import save_audio_model, save_text_model

from joint.data.opening import open_corpus
from joint.data.prepare.subset import write_subset
from joint.training.run import train
from pretrained.names import named_checkpoint

SYSTEMS = {"language model", "cosine"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_text_model(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture(scope="module")
def few(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four recordings of each of the twelve test speakers."""
    corpus = open_corpus(prepared / "test")
    chosen = [corpus.utterances[i].id for own in corpus.of_speaker for i in own[:4]]
    return write_subset(prepared / "test", chosen, tmp_path_factory.mktemp("few") / "test")


def trained(name: str, folder: Path, prepared: Path, output: Path) -> Path:
    """Two steps of a recipe, on the shipped encoder."""
    recipe = ROOT / "recipes" / "audiolm" / f"{name}.yaml"
    overrides = short(recipe, prepared / "train", prepared / "train", output)
    overrides += [f"tasks.audiolm.task.source={folder}", "tasks.audiolm.task.pairs=8"]
    overrides.append("streams.pairs.batch_size=4")
    return train(recipe, overrides, find=named_checkpoint)


def evaluated(joint_command: Command, few: Path, output: Path, *options: object) -> Any:
    common = ("evaluate", "audiolm", "--data", few, "--json", output)
    outcome = joint_command(*common, *options)
    assert outcome.code == 0, outcome
    found = json.loads(output.read_text())
    return found


def test_figures_of_voices(
    joint_command: Command,
    refused: Refused,
    folder: Path,
    prepared: Path,
    few: Path,
    tmp_path: Path,
) -> None:
    checkpoint = trained("voices", folder, prepared, tmp_path / "run")
    assert checkpoint.stat().st_size < 20e6  # the encoder, and no language model
    options = ("--checkpoint", checkpoint, "--pairs", 40)
    found = evaluated(joint_command, few, tmp_path / "voices.json", *options)
    assert found["pairs"] == 40 and 0 < found["hard_pairs"] < 20
    assert set(found["by_system"]) == SYSTEMS
    cosine = found["by_system"]["cosine"]
    # two steps have taught the language model nothing
    assert cosine["eer_percent"] < 20.0 < found["by_system"]["language model"]["eer_percent"]
    assert -1.0 < cosine["threshold"] < 1.0
    groups = found["by_group"]
    assert {"hard pairs", "other pairs", "noise 15 dB", "noise 5 dB"} < set(groups)
    assert groups["noise 5 dB"]["cosine_eer_percent"] >= cosine["eer_percent"]
    assert groups["noise 5 dB"]["pairs"] == 40
    assert groups["hard pairs"]["pairs"] == 20 + found["hard_pairs"]
    save_text_model(folder, seed=1)
    line = refused("evaluate", "audiolm", "--data", few, *options)
    assert "found files of fingerprint" in line and "that this was trained on" in line
    save_text_model(folder)


def test_figures_of_words(
    joint_command: Command, folder: Path, prepared: Path, few: Path, tmp_path: Path
) -> None:
    checkpoint = trained("words", folder, prepared, tmp_path / "run")
    options = ("--checkpoint", checkpoint, "--pairs", 40, "--threshold", 0.5)
    found = evaluated(joint_command, few, tmp_path / "words.json", *options)
    assert set(found["by_system"]) == SYSTEMS and "by_group" not in found
    kinds = ("same speaker, same words", "same speaker, other words", "other speaker")
    assert all(0.0 <= found[kind] <= 100.0 for kind in kinds)
    # of 40 queries 20 are of the first kind and 10 of each other
    right = 0.5 * found[kinds[0]] + 0.25 * found[kinds[1]] + 0.25 * found[kinds[2]]
    assert found["by_system"]["language model"]["accuracy_percent"] == pytest.approx(right)
    assert found["by_system"]["cosine"]["threshold"] == 0.5


def test_a_language_model_with_audio(
    joint_command: Command, refused: Refused, folder: Path, few: Path, tmp_path: Path
) -> None:
    source = save_audio_model(tmp_path / "audio")
    options = ("--model", source, "--pairs", 8, "--form", "concatenated")
    found = evaluated(joint_command, few, tmp_path / "audio.json", *options)
    assert set(found["by_system"]) == SYSTEMS and found["pairs"] == 8
    common = ("evaluate", "audiolm", "--data", few)
    line = refused(*common, "--model", folder)
    assert "without audio tokens" in line and "such as Qwen2-Audio" in line
    line = refused(*common)
    assert "expected one with an audiolm task (recipes/audiolm), or --model" in line
