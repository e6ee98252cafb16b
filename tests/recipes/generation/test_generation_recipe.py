"""From a corpus to a density, and its evaluation, on the embedded speech."""

import json
from pathlib import Path

import pytest
from support import Command, Refused

from joint.errors import DataError
from recipes.generation import fit, measure
from tasks.generation.speakers import known_of


@pytest.fixture(scope="module")
def measured(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with measured speakers of both parts of the embedded corpus, by two utterances of
    each."""
    folder = tmp_path_factory.mktemp("measured")
    for part in ("train", "test"):
        data = f"{prepared / part}:accent=mandarin"
        measure.main([str(folder / f"{part}.npz"), data, "--per-speaker", "2"])
    return folder


def test_a_density_is_fitted_and_evaluated(
    joint_command: Command, measured: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    train, test, density = measured / "train.npz", measured / "test.npz", tmp_path / "d.safetensors"
    arguments = ["--held-out", str(test), "--components", "6", "--axes", "3", "--steps", "20"]
    fit.main([str(train), str(density), "--kind", "mixture", *arguments])
    assert "held_out_log_likelihood" in capfd.readouterr().out
    figures = tmp_path / "figures.json"
    data = ("--data", train, "--unknown", test, "--density", density)
    made = joint_command("evaluate", "voices", *data, "--voices", 20, "--json", figures)
    assert made.code == 0, made
    found = json.loads(figures.read_text())
    assert found["voices"] == 20 and found["unknown_speakers"] == 12
    # recordings of one speaker are nearer to each other than to the nearest other speaker
    assert 0 < found["within_speaker_within_session"] < found["speaker_to_speaker"]
    assert found["within_speaker_across_sessions"] is None
    row = found["by_system"]["d"]
    assert row["generated_to_nearest"] > found["within_speaker_within_session"]
    assert found["by_system"]["real, unknown"]["found_gender_percent"] > 60.0


def test_bad_input_is_refused(refused: Refused, measured: Path, tmp_path: Path) -> None:
    train, test = measured / "train.npz", measured / "test.npz"
    command = ("evaluate", "voices", "--data")
    assert "as in --data" in refused(*command, train, "--unknown", train)
    assert "recipes.generation.measure" in refused(*command, tmp_path / "no.npz", "--unknown", test)
    assert "no --spoken" in refused(*command, train, "--unknown", test, "--judge", "resemblyzer")
    assert known_of("data/train:accent=northern,age=adult") == (
        "data/train",
        {"accent": "northern", "age": "adult"},
    )
    assert known_of("https://host/data") == ("https://host/data", {})
    for wrong in ("a:age=old", "a:size=large", "a:accent="):
        with pytest.raises(DataError, match="FOLDER:accent=NAME"):
            known_of(wrong)
    with pytest.raises(DataError, match="1 or more"):
        measure.main([str(tmp_path / "out.npz"), "nowhere", "--per-speaker", "0"])
