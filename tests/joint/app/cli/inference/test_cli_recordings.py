"""`joint embed`, `verify`, `extract` on real recordings, with a tiny checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command

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


def test_verify(joint_command: Command, tiny_checkpoint: Path, recordings: list[Path]) -> None:
    outcome = joint_command("verify", "--checkpoint", tiny_checkpoint, *recordings[:2])
    assert outcome.code == 0 and not outcome.err
    assert -1 <= float(outcome.out.split()[1]) <= 1


def test_extract(
    joint_command: Command, tiny_checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    one, other = (soundfile.read(recordings[i], dtype="float32")[0] for i in (0, 2))
    length = min(len(one), len(other))
    soundfile.write(tmp_path / "mixture.wav", (one[:length] + other[:length]) / 2, 16_000)
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", tmp_path / "mixture.wav"),
        *("--enrollment", recordings[1], "--output", tmp_path / "voice.wav"),
    )
    assert outcome.code == 0
    voice, rate = soundfile.read(tmp_path / "voice.wav")
    assert rate == 16_000 and len(voice) == length and np.isfinite(voice).all()
