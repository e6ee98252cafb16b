"""`joint explain`: maps of a verification, an extraction and phones."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from support import TINY, Command, Refused

from joint.audio import read_audio, write_audio
from joint.conditioning.local_similarity import LocalSimilarity
from joint.training.run import train


@pytest.fixture(scope="module")
def pair(recordings: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A second of speech of each of two speakers, and a little more of the second."""
    folder = tmp_path_factory.mktemp("pair")
    for name, path, length in (("a", 0, 16_000), ("b", 2, 16_000), ("longer", 2, 17_000)):
        write_audio(folder / f"{name}.wav", read_audio(recordings[path])[8000 : 8000 + length])
    return [folder / f"{name}.wav" for name in ("a", "b", "longer")]


def test_verification(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    pair: list[Path],
    tmp_path: Path,
) -> None:
    common = ("explain", "verification", *pair[:2], "--checkpoint", tiny_checkpoint)
    common = (*common, "--output", tmp_path)
    outcome = joint_command(*common)
    assert outcome.code == 0 and "insertion" in outcome.out, outcome
    found = json.loads((tmp_path / "first.json").read_text())
    assert len(found["by_band"]) == 40 and max(found["by_frame"]) <= 1
    assert (tmp_path / "second.png").stat().st_size > 5000
    scored = joint_command(*common, "--method", "score-cam", "--layer", "tdnn3")
    assert scored.code == 0, scored
    assert "layer-cam or" in refused(*common, "--method", "smooth-grad")
    assert "spectrogram with score-cam" in refused(*common, "--method", "score-cam")
    assert "tdnn1" in refused(*common, "--layer", "tdnn9")


def test_extraction(
    joint_command: Command,
    refused: Refused,
    tiny_checkpoint: Path,
    pair: list[Path],
    tmp_path: Path,
) -> None:
    one, other, longer = pair
    common = ("explain", "extraction", "--mixture", one, "--enrollment", other)
    common = (*common, "--checkpoint", tiny_checkpoint, "--output", tmp_path, "--reference")
    outcome = joint_command(*common, one)
    assert outcome.code == 0 and "enrollment: score" in outcome.out, outcome
    assert "17000 samples" in refused(*common, longer)


def test_an_extraction_that_compares_the_mixture(
    joint_command: Command, tiny_overrides: list[str], pair: list[Path], tmp_path: Path
) -> None:
    """Windows of the mixture go through the encoder too: the map is still of the enrolment."""
    config = OmegaConf.load(TINY)
    similarity = {"_target_": f"{LocalSimilarity.__module__}.LocalSimilarity", "_partial_": True}
    config.tasks.extraction.task.extractor.update(profile=False, similarity=similarity)
    OmegaConf.save(config, tmp_path / "recipe.yaml")
    run = [*tiny_overrides, f"output={tmp_path / 'run'}", "trainer.max_steps=1"]
    checkpoint = train(tmp_path / "recipe.yaml", run)
    one, other, _ = pair
    command = ("explain", "extraction", "--mixture", one, "--enrollment", other, "--reference", one)
    common = (*command, "--checkpoint", checkpoint, "--output", tmp_path / "maps")
    outcome = joint_command(*common, "--method", "grad-cam++", "--layer", "tdnn3")
    assert outcome.code == 0 and "enrollment: score" in outcome.out, outcome
    found = json.loads((tmp_path / "maps" / "enrollment.json").read_text())
    assert len(found["by_frame"]) == 101  # of the second that enrols, not of a window


def test_phones(
    joint_command: Command, tiny_checkpoint: Path, aligned: Path, tmp_path: Path
) -> None:
    common = ("--checkpoint", tiny_checkpoint, "--output", tmp_path)
    ranked = joint_command("explain", "phones", "--data", aligned, "--pairs", 2, *common)
    assert ranked.code == 0 and len(ranked.out.splitlines()) > 10
    assert json.loads((tmp_path / "phones.json").read_text())["pairs"] == 2
