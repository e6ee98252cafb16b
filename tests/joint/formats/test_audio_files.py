"""Files that end before their header says, that never end, and names that are no text."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.audio import decode_audio, inspect_audio, read_audio
from joint.errors import AudioError

NOISE = np.random.default_rng(0).normal(0, 0.1, 40_000)


def encoded(kind: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, NOISE, 8_000, format=kind, subtype=subtype)
    return file.getvalue()


KINDS = [
    *(("WAV", kind) for kind in ("GSM610", "G721_32", "NMS_ADPCM_24", "MS_ADPCM", "ULAW")),
    *(("AIFF", "PCM_16"), ("AU", "PCM_16"), ("AU", "G721_32"), ("RF64", "PCM_16")),
    *(("NIST", "PCM_16"), ("SVX", "PCM_16"), ("WAVEX", "PCM_24"), ("OGG", "OPUS"), ("CAF", None)),
]


@pytest.mark.parametrize("kind, subtype", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_a_header_shows_that_the_end_is_missing(
    tmp_path: Path, kind: str, subtype: str | None, share: float
) -> None:
    whole = encoded(kind, subtype)
    path = tmp_path / "x.audio"
    path.write_bytes(whole)
    length = inspect_audio(path, whole=False).samples
    assert abs(length - len(NOISE)) <= 500 and abs(read_audio(path).size - 2 * length) <= 1
    path.write_bytes(whole[: int(share * len(whole))])
    for check in (True, False):
        with pytest.raises(AudioError):
            inspect_audio(path, whole=check)
    with pytest.raises(AudioError):
        decode_audio(path.read_bytes(), "x")


def declaring(content: bytes, samples: int) -> bytes:
    """A FLAC file whose header says another number of samples (36 bits of STREAMINFO)."""
    fields = int.from_bytes(content[18:26], "big") >> 36 << 36 | samples
    return content[:18] + fields.to_bytes(8, "big") + content[26:]


def test_a_flac_of_unknown_length_is_read(tmp_path: Path) -> None:
    """Recorders and pipes write 0 into the header."""
    path = tmp_path / "x.flac"
    path.write_bytes(declaring(encoded("FLAC"), 0))
    assert read_audio(path).size == 2 * len(NOISE)
    for whole in (True, False):
        assert inspect_audio(path, whole).samples == len(NOISE)
    assert decode_audio(path.read_bytes(), "x").size == 2 * len(NOISE)


def test_fewer_samples_than_the_header_says(tmp_path: Path) -> None:
    (tmp_path / "x.flac").write_bytes(declaring(encoded("FLAC"), 1_000_000))
    ogg = encoded("OGG", "VORBIS")
    (tmp_path / "x.ogg").write_bytes(ogg[: len(ogg) // 2] + bytes(300) + ogg[len(ogg) // 2 :])
    for name in ("x.flac", "x.ogg"):
        with pytest.raises(AudioError, match=r"samples; expected \d+ .truncated"):
            read_audio(tmp_path / name)
        with pytest.raises(AudioError):
            inspect_audio(tmp_path / name)


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    (tmp_path / "link.wav").symlink_to(pipe)
    for path in (pipe, tmp_path / "link.wav", "/dev/zero", "/dev/null"):
        for use in (read_audio, inspect_audio):
            with pytest.raises(AudioError, match="found a pipe or device"):
                use(path)


def test_a_name_that_is_no_path(tmp_path: Path) -> None:
    for name in ("a\x00.wav", "a" * 5_000):
        with pytest.raises(AudioError):
            read_audio(tmp_path / name)


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    path.write_bytes(encoded("WAV"))
    assert read_audio(path).size == 2 * len(NOISE)
    assert inspect_audio(path, whole=False).samples == len(NOISE)
    path.write_bytes(b"junk")
    with pytest.raises(AudioError) as refused:
        read_audio(path)
    assert "caf\\udce9.wav: found" in str(refused.value).encode().decode()
