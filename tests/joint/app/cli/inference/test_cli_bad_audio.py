"""Recordings that cannot be used: one line, exit 2, nothing half-written; odd ones are used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from support import ROOT, Command, Refused

from joint.audio import read_audio

RATE = 16_000
pytestmark = pytest.mark.usefixtures("loaded_once")


VOICE = ROOT / "recipes/speechocean762/embedded/WAVE/SPEAKER2450/024500006.ogg"
OTHER = VOICE.with_name("024500021.ogg")


def speech(seconds: float, rate: int = RATE, recording: Path = VOICE) -> np.ndarray:
    """Real speech from its first word on, over and over, `(S,)`."""
    voice = soxr.resample(read_audio(recording)[7700:38_000], RATE, rate)
    return np.resize(voice, round(seconds * rate))


def write(path: Path, samples: np.ndarray, rate: int = RATE, kind: str = "FLOAT") -> None:
    soundfile.write(path, samples, rate, subtype=kind, format="WAV")


def truncated(path: Path) -> None:
    write(path, speech(2.0), kind="PCM_16")
    path.write_bytes(path.read_bytes()[:20_000])


def with_value(value: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        samples = speech(1.0)
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
    "0.1 s": lambda path: write(path, speech(0.1)),
}

ODD: dict[str, Callable[[Path], object]] = {
    "8 kHz": lambda path: write(path, speech(1.0, 8_000), 8_000),
    "48 kHz stereo": lambda path: write(path, np.stack([speech(1.0, 48_000)] * 2, 1), 48_000),
    "0.6 s": lambda path: write(path, speech(0.6)),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.wav"
    write(path, speech(1.5, recording=OTHER))  # of the same person: no file holds another one
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


def test_an_utterance_of_0_3_s(
    joint_command: Command, refused: Refused, tiny_checkpoint: Path, good: Path, tmp_path: Path
) -> None:
    short, common = tmp_path / "short.wav", ("--checkpoint", tiny_checkpoint)
    write(short, speech(0.3))
    outcome = joint_command("verify", *common, good, short)
    assert outcome.code == 0 and len(outcome.err) == 1 and "little speech" in outcome.err[0]
    files = ("--mixture", good, "--enrollment", short, "--output", tmp_path / "out.wav")
    assert "s of speech; expected at least 0.5 s" in refused("extract", *common, *files)


def test_clipped_is_used_with_a_warning(
    joint_command: Command, tiny_checkpoint: Path, good: Path, tmp_path: Path
) -> None:
    clipped = tmp_path / "clipped.wav"
    write(clipped, np.clip(speech(1.0) * 20, -1, 1), kind="PCM_16")
    outcome = joint_command("verify", "--checkpoint", tiny_checkpoint, good, clipped)
    assert outcome.code == 0
    assert len(outcome.err) == 1 and outcome.err[0].startswith(f"warning: {clipped}")


def test_a_clipped_enrolment_is_warned_of_once(
    good: Path, tmp_path: Path, tiny_checkpoint: Path, joint_command: Command
) -> None:
    clipped = tmp_path / "clipped.wav"
    write(clipped, np.clip(speech(1.0) * 20, -1, 1), kind="PCM_16")
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
    write(long, np.tile(speech(10.0), 12), kind="PCM_16")
    assert joint_command("verify", "--checkpoint", tiny_checkpoint, good, long).code == 0
    outcome = joint_command(
        *("extract", "--checkpoint", tiny_checkpoint, "--mixture", long),
        *("--enrollment", good, "--output", tmp_path / "extracted.wav"),
    )
    assert outcome.code == 0, outcome.err
    assert soundfile.info(tmp_path / "extracted.wav").frames == 120 * RATE
