"""A recording that is longer than a service takes is refused before it is decoded."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.errors import AudioError, TooLongError
from joint.formats.opening import AudioFile
from joint.inspection.reading import inspect_content, inspect_recording

RATE = 8_000


def encoded(seconds: float, kind: str = "FLAC", subtype: str | None = None) -> bytes:
    content = io.BytesIO()
    noise = np.random.default_rng(0).normal(size=round(seconds * RATE)) / 10
    soundfile.write(content, noise, RATE, format=kind, subtype=subtype)
    return content.getvalue()


def test_the_limit_is_in_seconds_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(encoded(2.0))
    assert len(inspect_recording(path, longest=2.0).waveform) == 32_000
    with pytest.raises(TooLongError, match=r"a.flac: found 2.0 s of audio; expected at most 1.9 s"):
        inspect_recording(path, longest=1.9)


def test_a_long_file_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(2.0)
    monkeypatch.setattr(AudioFile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    with pytest.raises(TooLongError):
        inspect_content(content, "a.flac", longest=1.0)


def test_a_file_of_unknown_length_is_decoded_as_far_as_the_limit() -> None:
    content = encoded(30.0, "WAV", "GSM610")
    with pytest.raises(TooLongError, match="at most 3 s"):
        inspect_content(content, "a.wav", longest=3.0)


def test_content_is_read_as_its_file_is(tmp_path: Path) -> None:
    content = encoded(1.0)
    path = tmp_path / "a.flac"
    path.write_bytes(content)
    one, other = inspect_recording(path), inspect_content(content, "b.flac")
    assert np.array_equal(one.waveform, other.waveform) and one.properties == other.properties
    assert other.where == "b.flac"


@pytest.mark.parametrize(("content", "found"), [(b"", "an empty file"), (b"words", "undecodable")])
def test_what_is_no_audio_is_refused(content: bytes, found: str) -> None:
    with pytest.raises(AudioError, match=f"a.wav: found .*{found}"):
        inspect_content(content, "a.wav")
