"""Reading, checking and writing waveforms: what is taken, what is refused, in which words."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from joint.audio import (
    AudioWarning,
    check_waveform,
    decode_audio,
    inspect_audio,
    read_audio,
    write_audio,
)
from joint.errors import AudioError

EMBEDDED = Path(__file__).parents[2] / "recipes/speechocean762/embedded"
REAL = min((EMBEDDED / "WAVE/SPEAKER0005").glob("*.ogg"))


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """A 440 Hz tone `(S,)` or `(S, C)` at level 0.5."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return wave if channels == 1 else np.stack([wave] * channels, axis=1)


def test_real_recording_is_float32_mono() -> None:
    waveform = read_audio(REAL)
    assert waveform.dtype == np.float32 and waveform.ndim == 1
    assert waveform.size == soundfile.info(REAL).frames


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (48_000, 2), (44_100, 3), (16_000, 2)])
def test_any_rate_and_channel_count_becomes_the_same_waveform(
    tmp_path: Path, rate: int, channels: int
) -> None:
    soundfile.write(tmp_path / "x.wav", tone(1.0, rate, channels), rate, subtype="FLOAT")
    waveform = read_audio(tmp_path / "x.wav")
    assert abs(waveform.size - 16_000) <= 1
    middle = slice(2_000, 14_000)
    assert np.allclose(waveform[middle], tone(1.0, 16_000)[middle], atol=1e-3)


def test_ten_minutes_of_8_khz_stereo(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", tone(600, 8_000, 2), 8_000)
    assert read_audio(tmp_path / "long.wav").size == 600 * 16_000


@pytest.mark.parametrize("content", [b"", b"not audio at all " * 100, b"RIFF", b"OggS" * 40])
def test_what_is_not_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("x.wav", "x.raw", "x.ogg", "noextension"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(AudioError) as refused:
            read_audio(tmp_path / name)
        assert name in str(refused.value) and "\n" not in str(refused.value)


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no such file"):
        read_audio(tmp_path / "nowhere.wav")
    with pytest.raises(AudioError, match="a folder"):
        read_audio(tmp_path)


@pytest.mark.parametrize("ending", ["ogg", "wav", "flac"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_truncated_file_is_refused(tmp_path: Path, ending: str, share: float) -> None:
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000)
    soundfile.write(whole, noise, 16_000)
    assert read_audio(whole).size == 32_000
    content = whole.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(AudioError):
        read_audio(cut)


def test_streamed_wav_of_unknown_length_is_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", tone(1.0, 16_000), 16_000, subtype="PCM_16")
    content = bytearray((tmp_path / "x.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    (tmp_path / "x.wav").write_bytes(content)
    assert read_audio(tmp_path / "x.wav").size == 16_000


def test_no_samples_too_short_and_silence_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    for waveform, reason in (
        (np.zeros(0), "no samples"),
        (tone(0.1, 16_000), "0.1 s"),
        (np.zeros(16_000), "silence"),
    ):
        soundfile.write(path, waveform, 16_000)
        with pytest.raises(AudioError, match=reason):
            read_audio(path)
    soundfile.write(path, tone(0.1, 16_000), 16_000)
    assert read_audio(path, minimum=0.05).size == 1_600


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    waveform = tone(1.0, 16_000)
    waveform[77] = value
    soundfile.write(tmp_path / "x.wav", waveform, 16_000, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN or infinite"):
        read_audio(tmp_path / "x.wav")
    with pytest.raises(AudioError):
        write_audio(tmp_path / "y.wav", waveform)
    assert not (tmp_path / "y.wav").exists()


def test_clipped_recording_is_read_with_a_warning(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.clip(4 * tone(1.0, 16_000), -1, 1), 16_000)
    with pytest.warns(AudioWarning, match="clipped") as caught:
        assert read_audio(tmp_path / "x.wav").size == 16_000
    assert "\n" not in str(caught[0].message)


def test_check_waveform_names_the_place() -> None:
    with pytest.raises(AudioError, match=r"^enrolment of 0005: "):
        check_waveform(np.zeros(16_000, np.float32), "enrolment of 0005")
    with pytest.raises(AudioError, match="shape"):
        check_waveform(np.zeros((2, 16_000), np.float32), "x")


def test_written_file_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.wav"
    write_audio(path, tone(1.0, 16_000).astype(np.float32))
    assert soundfile.info(path).subtype == "PCM_16"
    assert np.allclose(read_audio(path), tone(1.0, 16_000), atol=1e-4)
    assert [p.name for p in path.parent.iterdir()] == ["x.wav"]


def test_a_comment_is_read_back(tmp_path: Path) -> None:
    sound = tone(1.0, 16_000)
    for name, comment in (("with", "Synthetic: Zoë’s voice"), ("without", None)):
        write_audio(tmp_path / f"{name}.wav", sound, comment=comment)
    with soundfile.SoundFile(tmp_path / "with.wav") as file:
        assert file.comment == "Synthetic: Zoë’s voice" and file.frames == 16_000
    with_comment, without = (read_audio(tmp_path / f"{n}.wav") for n in ("with", "without"))
    assert np.array_equal(with_comment, without)


def test_loud_waveform_is_scaled_to_fit(tmp_path: Path) -> None:
    with pytest.warns(AudioWarning, match="scaled"):
        write_audio(tmp_path / "x.wav", 4 * tone(1.0, 16_000))
    written, _ = soundfile.read(tmp_path / "x.wav")
    assert np.allclose(written, 2 * tone(1.0, 16_000), atol=1e-3)


def test_place_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AudioError):
        write_audio(tmp_path / "file" / "x.wav", tone(1.0, 16_000))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_disk_keeps_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.wav"
    write_audio(path, tone(1.0, 16_000))
    former = path.read_bytes()
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda _, data: write(Path("/dev/full"), data))
    with pytest.raises(AudioError, match="No space left"):
        write_audio(path, tone(2.0, 16_000))
    assert path.read_bytes() == former and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("subtype", ["GSM610", "G721_32", "NMS_ADPCM_16", "NMS_ADPCM_32", "ALAW"])
def test_telephone_codecs_that_cannot_seek_are_read(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(9.0, 8_000), 8_000, subtype=subtype)
    info = inspect_audio(path, whole=False)
    assert 72_000 <= info.samples <= 72_400
    for waveform in (read_audio(path), decode_audio(path.read_bytes(), "x")):
        assert abs(waveform.size - 2 * info.samples) <= 1
        assert np.abs(waveform[8_000:]).max() > 0.3


@pytest.mark.parametrize("error", [ValueError, RuntimeError, MemoryError, AttributeError])
@pytest.mark.parametrize("whole", [True, False])
def test_whatever_a_decoder_raises_is_an_audio_error(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], whole: bool
) -> None:
    def read(*_args: object, **_options: object) -> np.ndarray:
        raise error("no such codec\nhere")

    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    for use in (
        lambda: inspect_audio(REAL, whole),
        lambda: read_audio(REAL),
        lambda: decode_audio(REAL.read_bytes(), REAL.name),
    ):
        with pytest.raises(AudioError, match=f"{REAL.name}: found an undecodable file .no such"):
            use()
