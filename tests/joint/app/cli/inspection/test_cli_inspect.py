"""`joint inspect`: a block for each recording, bad files named."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused


@pytest.fixture
def narrow(recordings: list[Path], tmp_path: Path) -> Path:
    """A stereo file at 8 kHz."""
    path = tmp_path / "narrow.wav"
    half = soundfile.read(recordings[0])[0][::2]
    soundfile.write(path, np.stack([half, half], 1), 8000)
    return path


def test_a_block_for_each_recording(
    joint_command: Command, recordings: list[Path], narrow: Path
) -> None:
    outcome = joint_command("inspect", recordings[0], narrow)
    assert outcome.code == 0 and not outcome.err
    first, second = outcome.out.split(f"{narrow}:\n")
    assert first.startswith(f"{recordings[0]}:\n  duration ")
    blocks = [
        {line[2:22].strip(): line[22:] for line in block.splitlines() if line.startswith("  ")}
        for block in (first, second)
    ]
    assert blocks[0]["stored"] == "16000 Hz, 1 channel"
    assert blocks[1]["stored"] == "8000 Hz, 2 channels"
    assert float(blocks[0]["bandwidth"].split()[0]) > 7 > 4.1 > float(blocks[1]["bandwidth"][:3])
    assert all(block["content"] == "speech" for block in blocks)
    assert len(blocks[0]) == 11


def test_bad_files_are_skipped_and_named(
    joint_command: Command, recordings: list[Path], tmp_path: Path
) -> None:
    zero, missing, written = (tmp_path / name for name in ("zero.wav", "no.wav", "out.json"))
    soundfile.write(zero, np.zeros(16_000), 16_000)
    outcome = joint_command("inspect", zero, recordings[0], missing, "--json", written)
    assert outcome.code == 0
    skipped = [line for line in outcome.err if line.startswith("warning: skipped ")]
    assert str(zero) in skipped[0] and str(missing) in skipped[1]
    assert outcome.err[-1] == f"warning: 2 of 3 skipped: {zero}, {missing}"
    content = json.loads(written.read_text())
    assert list(content["recordings"]) == [str(recordings[0])]
    found = content["recordings"][str(recordings[0])]
    assert found["content"] == "speech" and found["speech_seconds"] > 1
    assert list(content["skipped"]) == [str(zero), str(missing)]


def test_no_file_that_can_be_used(joint_command: Command, tmp_path: Path) -> None:
    outcome = joint_command("inspect", tmp_path / "no.wav", "--json", tmp_path / "out.json")
    assert outcome.code == 2 and not outcome.out
    assert outcome.err[-1].startswith("error: FILES: found 1 that cannot be used")
    assert not (tmp_path / "out.json").exists()


def test_what_is_refused(refused: Refused, recordings: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "a.ogg"
    copy.write_bytes(recordings[0].read_bytes())
    assert "an input" in refused("inspect", copy, "--json", copy)
