"""Clips cut to where there is speech: MP3 in, 16 kHz mono FLAC out."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from joint.audio import AudioWarning, encode_audio, read_audio
from joint.errors import AudioError
from joint.files import atomic_write
from joint.formats.opening import opened
from joint.inspection.properties import detector
from joint.layers.threads import one_thread
from joint.layers.workers import worker_pool
from joint.units import SAMPLE_RATE, Seconds

MARGIN: Seconds = 0.1
"""What stays before the first and behind the last speech."""

COMMENT, _COMMENT = "speech: {} s", re.compile(r"speech: (\d+\.\d+) s")
"""In each file's metadata: a shorter one than a later preparation takes is known without a look."""


@dataclass(frozen=True)
class Cut:
    """A clip as published, `source`, and where it is written once it is cut, `target`."""

    source: Path
    target: Path


def cut_all(cuts: Sequence[Cut], minimum: Seconds, jobs: int = 1) -> Iterator[AudioError | None]:
    """Cut each clip, `jobs` at a time, in order: None, or the error that makes it unusable.

    A clip that was cut before is not cut again. Raises JointError where a file cannot be written.
    """
    work = partial(cut, minimum=minimum)
    if jobs == 1 or len(cuts) < 2:
        with one_thread():  # the network is small: a second thread only waits
            yield from map(work, cuts)
        return
    with worker_pool(jobs, torch.set_num_threads, (1,)) as pool:
        yield from pool.map(work, cuts, chunksize=8)


def cut(clip: Cut, minimum: Seconds) -> AudioError | None:
    """Write a clip from 0.1 s before its first speech to 0.1 s behind its last one, atomically.

    Gives the error of a clip that cannot be read, has no speech or less than the `minimum`, and
    writes nothing then.
    """
    if (known := _known_speech(clip.target)) is not None:
        return _too_little(clip.source, known, minimum)
    try:
        with warnings.catch_warnings():
            # Clipping is found when the corpus is checked; a decoder's peaks above 1 are scaled.
            warnings.simplefilter("ignore", AudioWarning)
            waveform = read_audio(clip.source)
            regions = detector()(waveform)
            speech = sum(region.end - region.start for region in regions) / SAMPLE_RATE
            if (error := _too_little(clip.source, speech, minimum)) is not None:
                return error
            margin = round(MARGIN * SAMPLE_RATE)
            kept = waveform[max(0, regions[0].start - margin) : regions[-1].end + margin]
            content = encode_audio(kept, clip.target, comment=COMMENT.format(speech), form="FLAC")
    except AudioError as error:
        return error
    atomic_write(clip.target, content)
    return None


def _too_little(where: Path, speech: Seconds, minimum: Seconds) -> AudioError | None:
    if speech > 0 and speech >= minimum:
        return None
    found = f"{speech:.3f} s of speech" if speech else "no speech"
    return AudioError(where, found, f"at least {minimum:g} s of speech")


def _known_speech(path: Path) -> Seconds | None:
    """Seconds of speech in a clip that was cut before; None where that cannot be used."""
    if not path.is_file():
        return None
    try:
        with opened(path) as file:
            found = _COMMENT.fullmatch(file.comment)
    except AudioError:
        return None
    return float(found[1]) if found else None
