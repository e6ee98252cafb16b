"""Read, check, resample and write waveforms; inside the package they are float32 mono."""

import io
import os
import re
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from joint.errors import AudioError, JointError
from joint.files import atomic_write
from joint.units import SAMPLE_RATE, Hertz, Samples, Seconds

MINIMUM: Seconds = 0.3
"""The shortest recording from which a speaker is encoded."""

CLIPPED_LEVEL = 0.999
CLIPPED_SHARE = 0.01

BLOCK: Samples = 1 << 16
"""Samples decoded at once: codecs such as GSM 6.10 do not know their length, and a header may be
wrong."""

FIRST: Samples = 4096
"""Samples decoded in a check of the header, which does not show whether the codec works."""

# Writers that stream do not know the length and put the largest number in the header.
_UNKNOWN_LENGTH = 0x7FFF0000
_READABLE = "audio that libsndfile decodes (WAV, FLAC, Ogg, MP3, …)"


class AudioWarning(UserWarning):
    """A recording that is used although something is wrong with it."""


@dataclass(frozen=True)
class AudioInfo:
    """A usable recording as stored; `flaw` is a defect that it is used in spite of."""

    sample_rate: Hertz
    channels: int
    samples: Samples
    flaw: str | None = None


def read_audio(
    path: str | Path,
    sample_rate: Hertz = SAMPLE_RATE,
    minimum: Seconds = MINIMUM,
    channel: int | None = None,
) -> np.ndarray:
    """Waveform `(S,)` float32 of any audio file, resampled to `sample_rate`: one `channel`, or all
    of them mixed down.

    Raises AudioError for a file that is missing, empty, truncated, not audio, shorter than
    `minimum` or fails `check_waveform`; warns with AudioWarning where it is clipped.
    """
    with _opened(Path(path)) as file:
        waveform, rate = _mono(file, channel), file.samplerate
    check_waveform(waveform, path, rate, minimum)
    return resampled(waveform, rate, sample_rate)


def inspect_audio(path: str | Path, whole: bool = True, minimum: Seconds = MINIMUM) -> AudioInfo:
    """Check an audio file: all of it decoded, or its header and its first block alone.

    Header and first block show a file that is missing, empty, not audio, in a codec that cannot be
    decoded, or too short, and a truncated WAV or Ogg; silence, NaN, clipping and a truncated FLAC
    show only when all is decoded. Raises AudioError as `read_audio`. May run on many threads: it
    warns of nothing, and a flaw is in the result.
    """
    with _opened(Path(path)) as file:
        rate, channels, samples = file.samplerate, file.channels, file.frames
        if whole:
            waveform = _mono(file)
        else:
            waveform = None
            if samples and not len(file.read(min(samples, FIRST), always_2d=True)):
                raise AudioError(path, f"no samples of {samples}", "samples that can be decoded")
    if waveform is None:
        _refuse_short(samples, path, rate, minimum)
        return AudioInfo(rate, channels, samples)
    return AudioInfo(rate, channels, len(waveform), _refuse_unusable(waveform, path, rate, minimum))


def decode_audio(content: bytes, where: str, minimum: Seconds = MINIMUM) -> np.ndarray:
    """As `read_audio` of a file with this content, which `where` names in messages."""
    with _decoding(where), soundfile.SoundFile(io.BytesIO(content)) as file:
        waveform, rate = _mono(file), file.samplerate
    check_waveform(waveform, where, rate, minimum)
    return resampled(waveform, rate, SAMPLE_RATE)


def resampled(waveform: np.ndarray, rate: Hertz, target: Hertz) -> np.ndarray:
    """`waveform (S,)` at `rate` as float32 at `target`."""
    if rate != target:
        waveform = soxr.resample(waveform, rate, target)
    return np.ascontiguousarray(waveform, dtype=np.float32)


def check_waveform(
    waveform: np.ndarray,
    where: str | Path,
    sample_rate: Hertz = SAMPLE_RATE,
    minimum: Seconds = MINIMUM,
) -> None:
    """Raise AudioError where `waveform (S,)` is no usable speech; `where` names it in the message.

    Refused: not one-dimensional, no samples, shorter than `minimum`, NaN or infinite, all zero.
    More than 1 % of clipped samples give an AudioWarning.
    """
    if flaw := _refuse_unusable(waveform, where, sample_rate, minimum):
        warnings.warn(flaw, AudioWarning, stacklevel=3)


def _refuse_unusable(
    waveform: np.ndarray, where: str | Path, sample_rate: Hertz, minimum: Seconds
) -> str | None:
    """See `check_waveform`; gives what it warns of."""
    if waveform.ndim != 1:
        raise AudioError(where, f"an array of shape {waveform.shape}", "one channel, shape (S,)")
    _refuse_short(waveform.size, where, sample_rate, minimum)
    magnitude = np.abs(waveform)
    peak = magnitude.max()
    if not np.isfinite(peak):
        raise AudioError(where, "NaN or infinite samples", "finite samples")
    if peak == 0:
        raise AudioError(where, "digital silence (every sample is zero)", "speech")
    if peak >= CLIPPED_LEVEL:
        clipped = float(np.mean(magnitude >= CLIPPED_LEVEL))
        if clipped > CLIPPED_SHARE:
            return f"{where}: {100 * clipped:.1f} % of the samples are clipped"
    return None


def _refuse_short(
    samples: Samples, where: str | Path, sample_rate: Hertz, minimum: Seconds
) -> None:
    if samples == 0:
        raise AudioError(where, "no samples", f"at least {minimum:g} s of audio")
    if samples < round(minimum * sample_rate):
        seconds = samples / sample_rate
        raise AudioError(where, f"{seconds:.3g} s of audio", f"at least {minimum:g} s")


def write_audio(path: str | Path, waveform: np.ndarray, sample_rate: Hertz = SAMPLE_RATE) -> None:
    """Write `waveform (S,)` as 16-bit WAV, atomically; scaled down, with a warning, above 1.

    Raises AudioError for samples that are not finite and where the file cannot be written.
    """
    path = Path(path)
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise AudioError(path, f"an array of shape {waveform.shape}", "finite samples, shape (S,)")
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 1:
        warnings.warn(f"{path}: scaled by {1 / peak:.3g} to fit", AudioWarning, stacklevel=2)
        waveform = waveform / peak
    encoded = io.BytesIO()
    soundfile.write(encoded, waveform, sample_rate, format="WAV", subtype="PCM_16")
    try:
        atomic_write(path, encoded.getvalue())
    except JointError as error:
        raise AudioError(error.where, error.found, error.expected) from error


def _mono(file: soundfile.SoundFile, channel: int | None = None) -> np.ndarray:
    """All of `file` as float32 `(S,)`, decoded block by block: one channel, or the mean of all."""
    one, blocks = 0 if file.channels == 1 else channel, []
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        blocks.append(block.mean(axis=1) if one is None else block[:, one].copy())
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


@contextmanager
def _decoding(where: str | Path) -> Iterator[None]:
    """Turn whatever a decoder raises into AudioError.

    soundfile raises its own errors, but also TypeError (a name such as x.raw, whose rate is
    unknown), ValueError and RuntimeError (what a codec cannot do).
    """
    try:
        yield
    except JointError:
        raise
    except Exception as error:
        reason = " ".join(str(getattr(error, "error_string", error)).split()).strip(" .")
        raise AudioError(where, f"an undecodable file ({reason})", _READABLE) from error


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    """An audio file that is as long as its header says. Raises AudioError."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioError(path, (error.strerror or str(error)).lower(), "an audio file") from error
    if path.is_dir():
        raise AudioError(path, "a folder", "an audio file")
    if size == 0:
        raise AudioError(path, "an empty file", "an audio file")
    # as bytes: soundfile refuses a name that is not UTF-8
    with _decoding(path), soundfile.SoundFile(os.fsencode(path)) as file:
        _refuse_truncated(path, file)
        yield file


def _refuse_truncated(path: Path, file: soundfile.SoundFile) -> None:
    """Raise AudioError where the file ends before its own header or last page says it should.

    libsndfile reads what is left of such a file without a word, and a corpus copied to a disk
    that was full is made of them.
    """
    if file.format in ("WAV", "WAVEX", "RF64"):
        found = re.search(r"^data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
        if found and int(found[2]) < int(found[1]) < _UNKNOWN_LENGTH:
            raise AudioError(path, f"{found[2]} bytes of samples", f"{found[1]} (truncated)")
    elif file.format == "OGG" and not _ogg_is_complete(path):
        raise AudioError(path, "no end of stream", "a last Ogg page that closes it (truncated)")


def _ogg_is_complete(path: Path) -> bool:
    """Whether the last page is whole and carries the end-of-stream flag (RFC 3533, section 6)."""
    header, largest_page = 27, 65_307
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - largest_page))
        tail = file.read()
    start = tail.rfind(b"OggS")
    if start < 0 or len(tail) < start + header:
        return False
    flags, segments = struct.unpack_from("B", tail, start + 5)[0], tail[start + header - 1]
    table = tail[start + header : start + header + segments]
    return bool(flags & 4) and len(tail) >= start + header + segments + sum(table)
