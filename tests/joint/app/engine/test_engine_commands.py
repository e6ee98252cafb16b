"""Commands with onnxruntime give what they give with torch."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from support import Command, Refused

from joint.audio import read_audio, write_audio


@pytest.fixture(autouse=True)
def cache(exported: Path, export_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint has been exported into the cache."""
    monkeypatch.setenv("JOINT_CACHE", str(export_cache))


@pytest.fixture
def mixture(recordings: list[Path], tmp_path: Path) -> Path:
    """Two people at once."""
    one, other = (read_audio(recordings[i])[:24_000] for i in (0, 2))
    write_audio(tmp_path / "mixture.wav", 0.5 * (one + other))
    return tmp_path / "mixture.wav"


def test_verify_and_identify(
    tiny_checkpoint: Path,
    exported: Path,
    recordings: list[Path],
    tmp_path: Path,
    joint_command: Command,
) -> None:
    database, found = tmp_path / "people", tmp_path / "found.json"
    common = ("--checkpoint", tiny_checkpoint, "--database", database)
    for name, file in (("Anna", recordings[0]), ("Bert", recordings[2])):
        assert joint_command("enroll", name, file, *common).code == 0
    scores = []
    for words in (
        ("--checkpoint", tiny_checkpoint, "--engine", "torch"),
        ("--checkpoint", tiny_checkpoint, "--engine", "onnx"),
        ("--checkpoint", exported / "encoder.onnx"),
    ):
        both = (*words, "--threshold", 0.5, "--json", found)
        outcome = joint_command("verify", *recordings[:2], *both)
        assert outcome.code == 0, outcome
        verified = json.loads(found.read_text())
        outcome = joint_command("identify", recordings[1], "--database", database, *both)
        assert outcome.code == 0, outcome
        scores.append([verified["score"], json.loads(found.read_text())["score"]])
    np.testing.assert_allclose(scores[1:], [scores[0]] * 2, atol=2e-3)  # torch may be in bf16


def test_evaluate_verification(
    tiny_checkpoint: Path, aligned_trials: Path, tmp_path: Path, joint_command: Command
) -> None:
    figures, scores = [], []
    for engine in ("torch", "onnx"):
        outcome = joint_command(
            *("evaluate", "verification", "--data", aligned_trials, "--engine", engine),
            *("--trials", aligned_trials / "trials", "--checkpoint", tiny_checkpoint),
            *("--json", tmp_path / "figures.json", "--scores", tmp_path / "scores.csv"),
        )
        assert outcome.code == 0, outcome
        figures.append(json.loads((tmp_path / "figures.json").read_text()))
        rows = (tmp_path / "scores.csv").read_text().splitlines()[1:]
        scores.append([float(row.split(",")[-1]) for row in rows])
    assert figures[1]["trials"] == figures[0]["trials"] == len(scores[0])
    # not the EER: torch may be in bf16, and among few trials one that moves is a step of percents
    np.testing.assert_allclose(scores[1], scores[0], atol=5e-3)


def test_extract(
    tiny_checkpoint: Path,
    exported: Path,
    mixture: Path,
    recordings: list[Path],
    tmp_path: Path,
    joint_command: Command,
) -> None:
    speech = []
    for number, words in enumerate(
        (
            ("--checkpoint", tiny_checkpoint),
            ("--checkpoint", tiny_checkpoint, "--engine", "onnx"),
            ("--checkpoint", exported / "extractor.onnx"),
        )
    ):
        output = tmp_path / f"{number}.wav"
        people = ("--enrollment", recordings[1], "--enrollment", recordings[0])
        places = ("--mixture", mixture, "--output", output)
        outcome = joint_command("extract", *places, *people, *words)
        assert outcome.code == 0, outcome
        speech.append(read_audio(output))
    assert len(speech[0]) == 24_000
    for found in speech[1:]:
        assert np.corrcoef(found, speech[0])[0, 1] > 0.999


def test_evaluate_extraction(
    tiny_checkpoint: Path, exported: Path, prepared: Path, tmp_path: Path, joint_command: Command
) -> None:
    test, found = prepared / "test", []
    for checkpoint in (tiny_checkpoint, exported / "extractor.onnx"):
        outcome = joint_command(
            *("evaluate", "extraction", "--data", test, "--checkpoint", checkpoint),
            *("--mixtures", test / "mix2_extraction.csv", "--limit", 2),
            *("--json", tmp_path / "figures.json"),
        )
        assert outcome.code == 0, outcome
        found.append(json.loads((tmp_path / "figures.json").read_text())["si_sdr_db"])
    assert found[1] == pytest.approx(found[0], abs=0.1)


def test_refused(
    tiny_checkpoint: Path,
    exported: Path,
    mixture: Path,
    recordings: list[Path],
    tmp_path: Path,
    refused: Refused,
    joint_command: Command,
) -> None:
    output = tmp_path / "out.wav"
    extracted = ("extract", "--mixture", mixture, "--output", output)
    enrolled = (*extracted, "--enrollment", recordings[1])
    alone = tmp_path / "alone"
    alone.mkdir()
    extractor = shutil.copyfile(exported / "extractor.onnx", alone / "extractor.onnx")
    assert f"{alone / 'encoder.onnx'}: found no file" in refused(
        *enrolled, "--checkpoint", extractor
    )
    model = onnx.load(exported / "encoder.onnx")
    next(e for e in model.metadata_props if e.key == "fingerprint").value = '"0123"'
    onnx.save(model, alone / "encoder.onnx")
    line = refused(*enrolled, "--checkpoint", extractor)
    assert line.startswith(f"error: {extractor}: found the extractor of tiny (")
    for words in (enrolled, ("verify", *recordings[:2])):
        line = refused(*words, "--checkpoint", tiny_checkpoint, "--engine", "tensorrt")
        assert "'tensorrt'; expected auto or onnx or torch" in line
    assert "part 'extractor'" in refused("verify", *recordings[:2], "--checkpoint", extractor)
    # its extractor reads the recording, which an embedding does not have
    common = ("--checkpoint", tiny_checkpoint, "--database", tmp_path / "people")
    assert joint_command("enroll", "Anna", recordings[1], *common).code == 0
    known = ("--database", tmp_path / "people", "--name", "Anna")
    line = refused(*extracted, *known, "--checkpoint", exported / "extractor.onnx")
    assert "found a kept embedding; expected" in line
    assert not output.exists()
