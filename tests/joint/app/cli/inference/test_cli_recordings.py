"""`joint embed`, `verify`, `extract` on real recordings, with a tiny checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused

pytestmark = pytest.mark.usefixtures("loaded_once")


def test_embed_files_and_table(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    common = ("embed", "--checkpoint", tiny_checkpoint, "--output")
    outcome = joint_command(*common, tmp_path / "a.npz", *recordings)
    assert outcome.code == 0 and not outcome.err
    table = tmp_path / "wav.scp"
    table.write_text("".join(f"file{i} {path}\n" for i, path in enumerate(recordings)))
    assert joint_command(*common, tmp_path / "b.npz", "--wav-scp", table).code == 0
    first, second = np.load(tmp_path / "a.npz"), np.load(tmp_path / "b.npz")
    assert sorted(first) == sorted(path.stem for path in recordings)
    for number, path in enumerate(recordings):
        assert first[path.stem].dtype == np.float32 and first[path.stem].ndim == 1
        assert np.array_equal(first[path.stem], second[f"file{number}"])


def test_embed_skips_counts_and_lists(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    common = ("embed", "--checkpoint", tiny_checkpoint, "--output", tmp_path / "a.npz")
    outcome = joint_command(*common, recordings[0], tmp_path / "missing.wav")
    assert outcome.code == 0
    assert [line.partition(":")[0] for line in outcome.err] == ["warning", "warning"]
    assert "1 of 2 skipped: missing" in outcome.err[1]
    assert list(np.load(tmp_path / "a.npz")) == [recordings[0].stem]


def test_verify(
    joint_command: Command, refused: Refused, recordings: list[Path], tmp_path: Path
) -> None:
    written = tmp_path / "verified.json"
    pair = recordings[:2]
    outcome = joint_command("verify", *pair, "--json", written)
    assert outcome.code == 0 and not outcome.err
    found = json.loads(written.read_text())
    answer = "same" if found["same"] else "different"
    assert outcome.out == (
        f"score {found['score']:.4f} {answer}, probability {found['probability']:.3f} "
        f"(threshold {found['threshold']:.4f})\n"
    )
    assert found["same"] == (found["score"] >= found["threshold"])
    for step, word in ((-0.01, "same"), (0.01, "different")):
        outcome = joint_command("verify", *pair, "--threshold", found["score"] + step)
        assert outcome.code == 0 and f" {word}, " in outcome.out
    assert "a cosine" in refused("verify", *pair, "--threshold", 1.1)


def test_verify_without_a_threshold(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path]
) -> None:
    common = ("verify", *recordings[:2], "--checkpoint", tiny_checkpoint)
    outcome = joint_command(*common)
    assert outcome.code == 0 and "--threshold" in outcome.out and "same" not in outcome.out
    assert " same (threshold -1.0000)" in joint_command(*common, "--threshold", -1).out


def test_extract(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    one, other = (soundfile.read(recordings[i], dtype="float32")[0] for i in (0, 2))
    length = min(len(one), len(other))
    soundfile.write(tmp_path / "mixture.wav", (one[:length] + other[:length]) / 2, 16_000)
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", tmp_path / "mixture.wav"),
        *("--enrollment", recordings[1], "--output", tmp_path / "extracted.wav"),
    )
    assert outcome.code == 0
    extracted, rate = soundfile.read(tmp_path / "extracted.wav")
    assert rate == 16_000 and len(extracted) == length and np.isfinite(extracted).all()
