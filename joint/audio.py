"""Read, check, resample and write waveforms; inside the package they are float32 mono."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from joint.errors import AudioError, JointError, TooLongError
from joint.files import atomic_write
from joint.formats.opening import AudioFile, opened, opened_bytes, refuse_fewer
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

CANCELLED, IN_PHASE = "channels that cancel each other in the mono mix", "channels in phase"


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
    with opened(Path(path)) as file:
        waveform, rate = _mono(path, file, channel), file.samplerate
    check_waveform(waveform, path, rate, minimum)
    return resampled(waveform, rate, sample_rate)


def inspect_audio(path: str | Path, whole: bool = True, minimum: Seconds = MINIMUM) -> AudioInfo:
    """Check an audio file: all of it decoded, or its header and its first block alone.

    Header and first block show a file that is missing, empty, not audio, a pipe or device, in a
    codec that cannot be decoded, or too short, and a truncated WAV, AIFF, AU, NIST, Ogg or MP3;
    silence, NaN, clipping and a truncated FLAC show only when all is decoded. Raises AudioError as
    `read_audio`. May run on many threads: it warns of nothing, and a flaw is in the result.
    """
    with opened(Path(path)) as file:
        rate, channels, samples = file.samplerate, file.channels, file.length
        if whole or samples is None:
            waveform = _mono(path, file)
            flaw = refuse_unusable(waveform, path, rate, minimum)
            return AudioInfo(rate, channels, len(waveform), flaw)
        if samples and not len(file.read(min(samples, FIRST), always_2d=True)):
            raise AudioError(path, f"no samples of {samples}", "samples that can be decoded")
    _refuse_short(samples, path, rate, minimum)
    return AudioInfo(rate, channels, samples)


def decode_audio(content: bytes, where: str, minimum: Seconds = MINIMUM) -> np.ndarray:
    """As `read_audio` of a file with this content, which `where` names in messages."""
    with opened_bytes(content, where) as file:
        waveform, rate = _mono(where, file), file.samplerate
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
    if flaw := refuse_unusable(waveform, where, sample_rate, minimum):
        warnings.warn(flaw, AudioWarning, stacklevel=3)


def refuse_unusable(
    waveform: np.ndarray, where: str | Path, sample_rate: Hertz, minimum: Seconds
) -> str | None:
    """As `check_waveform`, but gives what it warns of."""
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


def write_audio(
    path: str | Path,
    waveform: np.ndarray,
    sample_rate: Hertz = SAMPLE_RATE,
    comment: str | None = None,
) -> None:
    """Write `waveform (S,)` as 16-bit WAV, atomically; scaled down, with a warning, above 1. A
    `comment` goes into the file's metadata.

    Raises AudioError for samples that are not finite and where the file cannot be written.
    """
    content = encode_audio(waveform, path, sample_rate, comment)
    try:
        atomic_write(path, content)
    except JointError as error:
        raise AudioError(error.where, error.found, error.expected) from error


def encode_audio(
    waveform: np.ndarray,
    where: str | Path,
    sample_rate: Hertz = SAMPLE_RATE,
    comment: str | None = None,
    form: str = "WAV",
) -> bytes:
    """The content of the file that `write_audio` writes, which `where` names in messages; also in
    another `form` of libsndfile's than WAV that holds 16-bit samples, such as FLAC."""
    if waveform.ndim != 1 or not np.isfinite(waveform).all():
        raise AudioError(where, f"an array of shape {waveform.shape}", "finite samples, shape (S,)")
    peak = float(np.abs(waveform).max(initial=0.0))
    if peak > 1:
        warnings.warn(f"{where}: scaled by {1 / peak:.3g} to fit", AudioWarning, stacklevel=3)
        waveform = waveform / peak
    encoded = io.BytesIO()
    with soundfile.SoundFile(encoded, "w", sample_rate, 1, "PCM_16", format=form) as file:
        if comment is not None:
            file.comment = comment
        file.write(waveform)
    return encoded.getvalue()


def decoded(
    where: str | Path, file: AudioFile, longest: Seconds | None = None
) -> Iterator[np.ndarray]:
    """All of `file`, in blocks `(S, C)` of float32. Raises AudioError where that is less than its
    header says; TooLongError for more than the `longest`, which is not decoded."""
    samples = 0
    _refuse_longer(where, file, file.length or 0, longest)
    while len(block := file.read(BLOCK, dtype="float32", always_2d=True)):
        samples += len(block)
        _refuse_longer(where, file, samples, longest)
        yield block
    refuse_fewer(where, file, samples)


def _refuse_longer(
    where: str | Path, file: AudioFile, samples: Samples, longest: Seconds | None
) -> None:
    if longest is not None and samples > longest * file.samplerate:
        found = f"{samples / file.samplerate:.1f} s of audio"
        raise TooLongError(where, found, f"at most {longest:g} s")


def _mono(where: str | Path, file: AudioFile, channel: int | None = None) -> np.ndarray:
    """All of `file` as float32 `(S,)`: one channel, or the mean of all. Raises AudioError where
    these cancel each other."""
    one, blocks = 0 if file.channels == 1 else channel, [np.zeros(0, dtype=np.float32)]
    sounding = False
    for block in decoded(where, file):
        blocks.append(block.mean(axis=1) if one is None else block[:, one].copy())
        sounding = sounding or (one is None and bool(block.any()))
    if sounding and not any(block.any() for block in blocks):
        raise AudioError(where, CANCELLED, IN_PHASE)
    return np.concatenate(blocks)
