"""Regions of speech in a recording: detected by silero-vad, or from reference turns."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from joint.conversation.turns import Turn
from joint.errors import JointError
from joint.training.progress import working
from joint.units import SAMPLE_RATE, Samples, Seconds

PAUSE: Seconds = 0.3
"""A shorter silence does not end speech, as in NIST's rich transcription evaluations."""


class Region(NamedTuple):
    """A stretch of a recording, `end` not included."""

    start: Samples
    end: Samples


class SileroSpeech:
    """Speech detection by silero-vad, whose network comes with its package; on the CPU.

    Raises JointError where the package silero-vad is not installed.
    """

    def __init__(self, pause: Seconds = PAUSE) -> None:
        import torch

        threads = torch.get_num_threads()
        try:
            from silero_vad import get_speech_timestamps, load_silero_vad
        except ImportError as error:
            expected = "the extra `conversation` (pip install silero-vad)"
            raise JointError("speech detection", "no package silero-vad", expected) from error
        # Its import leaves all of torch with one thread.
        torch.set_num_threads(threads)
        self._find, self._model, self.pause = get_speech_timestamps, load_silero_vad(), pause

    def __call__(self, waveform: np.ndarray, progress: bool = False) -> list[Region]:
        """Regions of speech in `waveform (S,)`, float32 at 16 kHz, in order; none in silence."""
        import torch

        with working("detecting speech", progress, 100.0) as done:
            found = self._find(
                torch.from_numpy(waveform),
                self._model,
                sampling_rate=SAMPLE_RATE,
                min_silence_duration_ms=round(1000 * self.pause),
                progress_tracking_callback=done,
            )
        return [Region(stretch["start"], stretch["end"]) for stretch in found]


def oracle_speech(turns: Iterable[Turn]) -> list[Region]:
    """The speech of a reference: its turns, those that touch or overlap as one region."""
    return joined(Region(turn.start, turn.end) for turn in turns)


def joined(regions: Iterable[Region]) -> list[Region]:
    """Regions in order; those that touch or overlap are one."""
    found: list[Region] = []
    for start, end in sorted(regions):
        if found and start <= found[-1].end:
            found[-1] = Region(found[-1].start, max(end, found[-1].end))
        else:
            found.append(Region(start, end))
    return found
