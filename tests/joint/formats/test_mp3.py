"""MP3 files as users have them: cut off, with a wrong length in the header, with tags and junk."""

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import ROOT

from joint.audio import decode_audio, inspect_audio, read_audio
from joint.errors import AudioError
from joint.formats.mp3 import frames_of, may_be_mp3

RECORDINGS = sorted((ROOT / "recipes/speechocean762/embedded/WAVE/SPEAKER0005").glob("*.ogg"))
FRAME = 576 / 16_000
"""Seconds."""


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """Ten seconds, so that frames of a variable bit rate differ."""
    return np.concatenate([read_audio(path) for path in RECORDINGS])[:160_000]


@pytest.fixture(scope="module")
def good(speech: np.ndarray) -> bytes:
    return encoded(speech, 16_000)


@pytest.fixture(autouse=True)
def decoder_is_silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """libmpg123 prints its complaints by itself, past any error of ours."""
    yield
    assert capfd.readouterr() == ("", "")


def encoded(waveform: np.ndarray, rate: int, kind: str = "MP3") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format=kind)
    return file.getvalue()


def tag(size: int, claimed: int | None = None) -> bytes:
    """An ID3 tag of `size` random bytes, that claims to have another size."""
    claimed = size if claimed is None else claimed
    sizes = bytes(claimed >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + np.random.default_rng(size).bytes(size)


def declaring(content: bytes, frames: int) -> bytes:
    place = content.find(b"Xing") + 8
    return content[:place] + struct.pack(">I", frames) + content[place + 4 :]


def spliced(content: bytes, junk: bytes) -> bytes:
    """Junk in place of a frame in the middle."""
    stream = frames_of(content)
    assert stream is not None
    ((start, _),) = stream.pieces
    half = start + len(content[start:]) // 2
    half = content.find(content[start : start + 2], half)
    return content[:half] + junk + content[half:]


def without_header(content: bytes) -> bytes:
    stream = frames_of(content)
    assert stream is not None
    return content[stream.header[1] :]


READ: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda content: content,
    "a tag in front": lambda content: tag(5_000) + content,
    "two tags in front": lambda content: tag(50) + tag(3_000) + content,
    "a tag that is longer than it says": lambda content: tag(5_000, 100) + content,
    "junk in front": lambda content: np.random.default_rng(1).bytes(700) + content,
    "a tag behind": lambda content: content + b"TAG".ljust(128, b"\x00"),
    "junk behind": lambda content: content + np.random.default_rng(2).bytes(9_000),
    "a little junk amid": lambda content: spliced(content, b"\x00" * 300),
    "a tag amid": lambda content: spliced(content, tag(4_000)),
    "few frames by the header": lambda content: declaring(content, 3),
    "no number of frames in the header": lambda content: declaring(content, 0),
    "no header": without_header,
}
REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "half": (lambda content: content[: len(content) // 2], "truncated, or a wrong header"),
    "almost all": (lambda content: content[: len(content) * 98 // 100], "truncated, or a wrong"),
    "many frames by the header": (lambda c: declaring(c, 10_000_000), "expected 10000000, as its"),
    "all frames there can be": (lambda c: declaring(c, 0xFFFFFFFF), "expected 4294967295, as"),
    "a tag alone": (lambda _: tag(5_000), "no frame"),
    "a tag that says it is the file": (lambda c: tag(10, 1 << 27) + c, "no frame"),
    "its header alone": (lambda content: content[:200], "no frame"),
    "random bytes": (lambda _: b"\xff\xfb" + np.random.default_rng(3).bytes(20_000), "no frame"),
    "much junk amid": (lambda c: spliced(c, bytes(3_000)), "3000 bytes amid the frames"),
}


@pytest.mark.parametrize("spoil", READ.values(), ids=READ)
def test_all_of_it_is_read(
    good: bytes, speech: np.ndarray, spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(spoil(good))
    waveform = read_audio(path)
    assert abs(len(waveform) - len(speech)) <= 3 * 576
    for whole in (True, False):
        assert inspect_audio(path, whole).samples == len(waveform)
    # the end is there, a few frames later at most
    end = np.correlate(waveform[-8_000:], speech[-7_000:-3_000], "valid")
    assert end.max() > 0.9 * np.square(speech[-7_000:-3_000]).sum()


@pytest.mark.parametrize("spoil, found", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(
    good: bytes, spoil: Callable[[bytes], bytes], found: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(spoil(good))
    uses: tuple[Callable[[], object], ...] = (
        lambda: read_audio(path),
        lambda: inspect_audio(path, whole=True),
        lambda: inspect_audio(path, whole=False),
        lambda: decode_audio(path.read_bytes(), "x.mp3"),
    )
    for use in uses:
        with pytest.raises(AudioError, match=found) as refused:
            use()
        assert "x.mp3: found " in str(refused.value)


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]
)
@pytest.mark.parametrize("channels", [1, 2])
def test_frames_of_every_rate_are_counted(speech: np.ndarray, rate: int, channels: int) -> None:
    content = encoded(np.stack([speech[:48_000]] * channels, axis=1), rate)
    stream = frames_of(content)
    assert stream is not None and stream.junk == 0
    assert stream.frames == stream.declared > 40
    assert decode_audio(without_header(content), "x").size == pytest.approx(
        48_000 * 16_000 / rate, abs=3 * 1152 * 16_000 / rate
    )


def test_a_long_one_is_decoded_like_one_block(speech: np.ndarray, tmp_path: Path) -> None:
    """Seeking after every block would lose what frames take from the ones before."""
    path = tmp_path / "x.mp3"
    path.write_bytes(encoded(np.tile(speech, 6), 16_000))
    found = read_audio(path)
    with soundfile.SoundFile(path) as file:
        assert np.abs(found - file.read(len(found), dtype="float32")).max() < 1e-5


def test_other_formats_by_that_name(speech: np.ndarray, tmp_path: Path) -> None:
    for kind in ("WAV", "FLAC"):
        content = encoded(speech, 16_000, kind)
        assert not may_be_mp3(".mp3", content)
        (tmp_path / "x.mp3").write_bytes(content)
        assert read_audio(tmp_path / "x.mp3").size == speech.size
    (tmp_path / "x.flac").write_bytes(tag(2_000) + encoded(speech, 16_000, "FLAC"))
    assert read_audio(tmp_path / "x.flac").size == speech.size
    (tmp_path / "x").write_bytes(encoded(speech, 16_000))
    assert abs(read_audio(tmp_path / "x").size - speech.size) < 576
