"""Checking on several threads, and what a header shows."""

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.audio import AudioInfo, inspect_audio
from joint.data.choices import Check
from joint.data.prepare import checking
from joint.data.prepare.checking import AHEAD, checked
from joint.errors import AudioError

RATE = 16_000


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Forty files of 0.5 s and more, each a little longer; every seventh is no audio."""
    paths = []
    noise = np.random.default_rng(0).standard_normal(2 * RATE) / 8
    for n in range(40):
        paths.append(tmp_path / f"{n:02d}.wav")
        soundfile.write(paths[-1], noise[: RATE // 2 + n], RATE)
        if n % 7 == 3:
            paths[-1].write_bytes(b"no audio")
    return paths


@pytest.mark.parametrize("check", Check)
@pytest.mark.parametrize("jobs", [1, 4])
def test_in_order_and_bad_ones_as_errors(files: list[Path], check: Check, jobs: int) -> None:
    found = list(checked(files, check, jobs))
    assert len(found) == len(files)
    for n, (path, info) in enumerate(zip(files, found, strict=True)):
        if n % 7 == 3:
            assert isinstance(info, AudioError) and info.where == str(path)
        else:
            assert info == AudioInfo(RATE, 1, RATE // 2 + n)


def test_several_at_once_and_never_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    together = threading.Barrier(2)

    def wait(path: Path, whole: bool, minimum: float) -> AudioInfo:
        if path.name in ("0", "1"):
            together.wait(timeout=30)  # broken unless two threads look at files at one time
        return AudioInfo(RATE, 1, int(path.name))

    def paths():
        for n in range(500):
            asked.append(n)
            yield Path(str(n))

    monkeypatch.setattr(checking, "inspect_audio", wait)
    found = checked(paths(), Check.HEADER, 2)
    assert next(found) == AudioInfo(RATE, 1, 0)
    assert len(asked) <= 2 * AHEAD + 1
    assert [info.samples for info in found] == list(range(1, 500))


def test_what_only_decoding_shows(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="silence"):
        inspect_audio(path)
    assert inspect_audio(path, whole=False) == AudioInfo(RATE, 1, RATE)
    soundfile.write(path, np.sign(np.sin(np.arange(RATE) / 20)), RATE)
    assert "clipped" in str(inspect_audio(path).flaw)
    assert inspect_audio(path, whole=False).flaw is None


@pytest.mark.parametrize("whole", [True, False])
def test_what_a_header_shows_too(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "x.wav"
    with pytest.raises(AudioError, match="no such file"):
        inspect_audio(path, whole)
    noise = np.random.default_rng(0).standard_normal((RATE, 2)) / 8
    soundfile.write(path, noise[:1000], RATE)
    with pytest.raises(AudioError, match=r"0\.0625 s"):
        inspect_audio(path, whole)
    soundfile.write(path, noise, RATE)
    assert inspect_audio(path, whole) == AudioInfo(RATE, 2, RATE)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(AudioError, match="truncated"):
        inspect_audio(path, whole)
