"""Recordings that are read and looked at in one pass: waveform, properties and speech."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint.audio import (
    CANCELLED,
    IN_PHASE,
    MINIMUM,
    decoded,
    refuse_unusable,
    resampled,
)
from joint.errors import AudioError
from joint.formats.opening import AudioFile, opened, opened_bytes
from joint.inspection.properties import FULL_SCALE, Properties, Storage, measure
from joint.inspection.speech import Region
from joint.units import SAMPLE_RATE, Seconds


@dataclass(frozen=True)
class InspectedRecording:
    """A recording that has been looked at: `where` it is from, for messages, its `waveform (S,)` at
    16 kHz, its properties, and the regions of speech."""

    where: str
    waveform: np.ndarray
    properties: Properties
    speech: tuple[Region, ...]


def inspect_recording(
    path: str | Path,
    minimum: Seconds = MINIMUM,
    progress: bool = False,
    longest: Seconds | None = None,
) -> InspectedRecording:
    """Read an audio file and look at it: as stored, before it is mixed down and resampled.

    Unlike `read_audio` it warns of nothing: what is wrong is in the properties. `progress` shows a
    bar of the speech detection.

    Raises AudioError as `read_audio`, and where the channels cancel each other altogether;
    TooLongError, before all of it is decoded, for more than the `longest`.
    """
    with opened(Path(path)) as file:
        stored, storage = _stored(file, path, longest)
    return _inspected(stored, storage, path, minimum, progress)


def inspect_content(
    content: bytes, where: str, minimum: Seconds = MINIMUM, longest: Seconds | None = None
) -> InspectedRecording:
    """As `inspect_recording` of a file with this content, which `where` names in messages."""
    with opened_bytes(content, where) as file:
        stored, storage = _stored(file, where, longest)
    return _inspected(stored, storage, where, minimum)


def inspect_waveform(
    waveform: np.ndarray, where: str, minimum: Seconds = MINIMUM
) -> InspectedRecording:
    """Look at a waveform `(S,)` at 16 kHz, which `where` names in messages. Raises AudioError."""
    waveform = np.ascontiguousarray(waveform, dtype=np.float32)
    refuse_unusable(waveform, where, SAMPLE_RATE, minimum)
    storage = Storage(full_scale_share=float(np.mean(np.abs(waveform) >= FULL_SCALE)))
    properties, speech = measure(waveform, waveform, storage)
    return InspectedRecording(where, waveform, properties, tuple(speech))


def _inspected(
    stored: np.ndarray,
    storage: Storage,
    where: str | Path,
    minimum: Seconds,
    progress: bool = False,
) -> InspectedRecording:
    refuse_unusable(stored, where, storage.sample_rate, minimum)
    waveform = resampled(stored, storage.sample_rate, SAMPLE_RATE)
    properties, speech = measure(stored, waveform, storage, progress)
    return InspectedRecording(str(where), waveform, properties, tuple(speech))


def _stored(
    file: AudioFile, where: str | Path, longest: Seconds | None = None
) -> tuple[np.ndarray, Storage]:
    """The mono mix `(S,)` of a file, and what it hides of the channels."""
    mixed, full, power = [], np.zeros(file.channels), 0.0
    for block in decoded(where, file, longest):
        mixed.append(block[:, 0] if file.channels == 1 else block.mean(axis=1))
        full += (np.abs(block) >= FULL_SCALE).sum(axis=0)
        if file.channels > 1:
            power += float(np.square(block, dtype=np.float64).mean(axis=1).sum())
    waveform = np.concatenate(mixed) if mixed else np.zeros(0, dtype=np.float32)
    cancelled = 0.0
    if power:
        left = float(np.square(waveform, dtype=np.float64).sum())
        if left == 0:
            raise AudioError(where, CANCELLED, IN_PHASE)
        # The mix of unrelated channels has the power of one of them divided by their number.
        cancelled = max(0.0, 10 * float(np.log10(power / left / file.channels)))
    share = float(full.max() / max(len(waveform), 1))
    return waveform, Storage(file.samplerate, file.channels, share, cancelled)
