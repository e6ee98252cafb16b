"""A recogniser of word pieces, from its training to its transcripts."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from support import ROOT, Command, Refused

import joint
from joint.data.opening import open_corpus
from joint.text.pieces import PieceUnits
from joint.training.run import train

pytest.importorskip("sentencepiece")
COUNT = 60


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small target recogniser with word pieces as units."""
    described = OmegaConf.load(ROOT / "tests" / "recognition.yaml")
    described.streams.mixtures.tasks = ["target"]
    described.tasks.target.task.units = {
        "_target_": "joint.text.pieces.PieceUnits",
        "pieces": COUNT,
    }
    del described.tasks.simo
    path = tmp_path_factory.mktemp("recipe") / "pieces.yaml"
    OmegaConf.save(described, path, resolve=True)
    return path


@pytest.fixture(scope="module")
def checkpoint(recipe: Path, prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """After a training whose corpus is gone."""
    folder = tmp_path_factory.mktemp("pieces")
    corpus = shutil.copytree(prepared / "train", folder / "corpus")
    path = train(recipe, [f"data.train={corpus}", f"output={folder / 'run'}"])
    shutil.rmtree(corpus)
    return path


def units_of(checkpoint: Path) -> PieceUnits:
    units = joint.load(checkpoint).model.tasks["target"].units
    assert isinstance(units, PieceUnits)
    return units


def test_transcribes_alone(
    checkpoint: Path,
    prepared: Path,
    joint_command: Command,
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    corpus = open_corpus(prepared / "train")
    units = units_of(checkpoint)
    for utterance in corpus.utterances:
        assert units.words(units.encode(utterance.text)) == utterance.text.split()
    first, second = (u.path for u in corpus.utterances[:2])
    base = ("transcribe", first, "--checkpoint", checkpoint, "--enrollment", second)
    greedy = joint_command(*base)
    assert greedy.code == 0 and greedy.out.startswith(Path(second).stem), greedy
    pytest.importorskip("flashlight.lib.text")
    learnt = ("--beam", 5, "--language-model", prepared / "train", "--order", 2, "--weight", 9)
    assert joint_command(*base, "--beam", 1).out == greedy.out
    assert joint_command(*base, *learnt).code == 0
    assert "letters or pieces" in refused(*base, "--beam", 5, "--lexicon", first)


def test_a_training_goes_on_exactly(
    checkpoint: Path, recipe: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is learnt again."""
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    run = shutil.copytree(checkpoint.parent, tmp_path / "run")
    max((run / "checkpoints").iterdir()).unlink()
    (run / "model.safetensors").unlink()
    resumed = train(recipe, [f"data.train={prepared / 'train'}", f"output={run}"], resume=True)
    again = joint.load(resumed).model.state_dict()
    former = joint.load(checkpoint).model.state_dict()
    assert former["tasks.target.units.codes"].any() and list(former) == list(again)
    for name, value in former.items():
        assert torch.equal(value, again[name]), name


def test_another_corpus(
    checkpoint: Path, recipe: Path, prepared: Path, tmp_path: Path, refused: Refused
) -> None:
    """A training that begins with a recogniser keeps its pieces, or is refused in a line."""
    base = (recipe, f"data.train={prepared / 'test'}", "trainer.max_steps=1")
    began = f"init=[{checkpoint}]"
    fresh = train(base[0], [*base[1:], f"output={tmp_path / 'fresh'}"])
    tuned = train(base[0], [*base[1:], f"output={tmp_path / 'tuned'}", began])
    assert units_of(tuned).symbols == units_of(checkpoint).symbols != units_of(fresh).symbols
    run = tmp_path / "refused"
    fewer = "tasks.target.task.units.pieces=50"
    line = refused("train", *base, f"output={run}", began, fewer)
    assert f"'tasks.target.units.codes' of shape ({COUNT}, 16)" in line
    line = refused("train", *base, f"output={run}", "tasks.target.task.units.pieces=9999")
    assert "units.pieces: found 9999" in line and "the most that the texts give" in line
    assert not run.exists()
