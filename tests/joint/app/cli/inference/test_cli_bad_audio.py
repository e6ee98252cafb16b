"""Recordings that cannot be used: one line, exit 2, nothing half-written; odd ones are used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import Command, Refused

RATE = 16_000
pytestmark = pytest.mark.usefixtures("loaded_once")


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    """A tone with a swelling level and a little noise, `(S,)`."""
    time = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(0)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    return 0.2 * swell * np.sin(2 * np.pi * 180 * time) + 0.01 * rng.standard_normal(len(time))


def write(path: Path, samples: np.ndarray, rate: int = RATE, kind: str = "FLOAT") -> None:
    soundfile.write(path, samples, rate, subtype=kind, format="WAV")


def truncated(path: Path) -> None:
    write(path, tone(2.0), kind="PCM_16")
    path.write_bytes(path.read_bytes()[:20_000])


def with_value(value: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        samples = tone(1.0)
        samples[100] = value
        write(path, samples)

    return make


BAD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "a folder": lambda path: path.mkdir(),
    "empty": lambda path: path.write_bytes(b""),
    "truncated": truncated,
    "not audio": lambda path: path.write_text("these are words, not samples\n" * 50),
    "zero length": lambda path: write(path, np.zeros(0)),
    "all zero": lambda path: write(path, np.zeros(RATE)),
    "NaN": with_value(float("nan")),
    "infinite": with_value(float("inf")),
    "0.1 s": lambda path: write(path, tone(0.1)),
}

ODD: dict[str, Callable[[Path], object]] = {
    "8 kHz": lambda path: write(path, tone(1.0, 8_000), 8_000),
    "48 kHz stereo": lambda path: write(path, np.stack([tone(1.0, 48_000)] * 2, 1), 48_000),
    "0.3 s": lambda path: write(path, tone(0.3)),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.wav"
    write(path, tone(1.5))
    return path


@pytest.fixture
def bad(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "bad.wav"
    request.param(path)
    return path


bad_files = pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys(), indirect=True)
odd_files = pytest.mark.parametrize("bad", ODD.values(), ids=ODD.keys(), indirect=True)


@bad_files
def test_verify_refuses(refused: Refused, tiny_checkpoint: Path, good: Path, bad: Path) -> None:
    assert str(bad) in refused("verify", "--checkpoint", tiny_checkpoint, good, bad)


@bad_files
def test_extract_refuses_enrollment_and_mixture(
    refused: Refused, tiny_checkpoint: Path, good: Path, bad: Path, tmp_path: Path
) -> None:
    output = tmp_path / "extracted.wav"
    for mixture, enrollment in ((good, bad), (bad, good)):
        line = refused(
            *("extract", "--checkpoint", tiny_checkpoint, "--mixture", mixture),
            *("--enrollment", enrollment, "--output", output),
        )
        assert str(bad) in line
    assert {path.name for path in tmp_path.iterdir()} <= {"good.wav", "bad.wav"}


@bad_files
def test_embed_refuses_where_none_is_left(
    joint_command: Command, tiny_checkpoint: Path, bad: Path, tmp_path: Path
) -> None:
    outcome = joint_command(
        "embed", "--checkpoint", tiny_checkpoint, "--output", tmp_path / "a.npz", bad
    )
    assert outcome.code == 2
    assert [line.partition(":")[0] for line in outcome.err] == ["warning", "error"]
    assert not list(tmp_path.glob("*.npz"))


@odd_files
def test_odd_files_are_used(
    joint_command: Command, tiny_checkpoint: Path, good: Path, bad: Path, tmp_path: Path
) -> None:
    assert joint_command("verify", "--checkpoint", tiny_checkpoint, good, bad).code == 0
    for mixture, enrollment in ((good, bad), (bad, good)):
        outcome = joint_command(
            *("extract", "--checkpoint", tiny_checkpoint, "--mixture", mixture),
            *("--enrollment", enrollment, "--output", tmp_path / "extracted.wav"),
        )
        assert outcome.code == 0, outcome.err
        length = soundfile.info(mixture).duration
        assert soundfile.info(tmp_path / "extracted.wav").duration == pytest.approx(
            length, abs=0.001
        )


def test_clipped_is_used_with_a_warning(
    joint_command: Command, tiny_checkpoint: Path, good: Path, tmp_path: Path
) -> None:
    clipped = tmp_path / "clipped.wav"
    write(clipped, np.clip(tone(1.0) * 20, -1, 1), kind="PCM_16")
    outcome = joint_command("verify", "--checkpoint", tiny_checkpoint, good, clipped)
    assert outcome.code == 0
    assert len(outcome.err) == 1 and outcome.err[0].startswith(f"warning: {clipped}")


def test_a_clipped_enrolment_is_warned_of_once(
    good: Path, tmp_path: Path, tiny_checkpoint: Path, joint_command: Command
) -> None:
    clipped = tmp_path / "clipped.wav"
    write(clipped, np.clip(tone(1.0) * 20, -1, 1), kind="PCM_16")
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", good),
        *("--enrollment", clipped, "--output", tmp_path / "out.wav"),
    )
    assert outcome.code == 0
    assert len(outcome.err) == 1 and outcome.err[0].startswith(f"warning: {clipped}")


def test_two_minutes(
    joint_command: Command, tiny_checkpoint: Path, good: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.wav"
    write(long, np.tile(tone(10.0), 12), kind="PCM_16")
    assert joint_command("verify", "--checkpoint", tiny_checkpoint, good, long).code == 0
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", long),
        *("--enrollment", long, "--output", tmp_path / "extracted.wav"),
    )
    assert outcome.code == 0, outcome.err
    assert soundfile.info(tmp_path / "extracted.wav").frames == 120 * RATE
