"""Times of words by CTC's best path: a unit stands in the frames in which the path emits it.

CTC may emit a unit at any moment from which it can be known, mostly in one frame or two: a time is
a moment within the unit or a little after it, not its border. Of serialized outputs only those in
the order of time (t-SOT) have times; first in, first out writes the second speaker after the end of
the first, whenever the second spoke.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from joint.errors import ConfigError
from joint.losses.ctc import emissions
from joint.task import Encode
from joint.text.units import Units
from joint.units import Samples
from tasks.recognition.inference import Window
from tasks.recognition.task import RecognitionTask


@dataclass(frozen=True)
class TimedWord:
    """A word (or phone) and its time."""

    text: str
    start: Samples
    end: Samples


Parts = list[list[TimedWord]]
"""The words of each speaker of a window."""


def timed_words(task: RecognitionTask, encode: Encode, waveform: Tensor) -> Iterator[Parts]:
    """The words of each window of `waveform (S,)` with their times, by CTC's best path, one window
    after the other, of which memory holds two.

    The outputs of neighbouring windows are joined by what they share, yet may belong to different
    speakers. A word counts in the window in which its middle counts. Raises ConfigError for a
    recogniser that was trained without CTC.
    """
    if task.decoder is not None and task.attention == 1.0:
        expected = "one with CTC, by whose frames words get times (attention below 1)"
        raise ConfigError("recogniser", "one trained by its attention decoder alone", expected)
    windows = task.windows(encode, waveform)
    return (parts_of(window, task, len(waveform)) for window in windows)


def parts_of(window: Window, task: RecognitionTask, samples: Samples) -> Parts:
    """The words of each speaker in one window of a recording of `samples`."""
    paths = []
    for output in window.outputs:
        own = output.log_probabilities[0, : output.frames[0]]
        paths.append(emissions(own.argmax(dim=-1)))
    parts = []
    for places in task.speaker_places([[unit.symbol for unit in path] for path in paths]):
        units = [paths[n][i] for n, i in places]
        words = words_of([unit.symbol for unit in units], task.units)
        spans = [(text, units[own[0]].start, units[own[-1]].end) for text, own in words]
        parts.append(
            [
                TimedWord(text, *_samples(window, start, end, samples))
                for text, start, end in spans
                if window.begin <= (start + end) / 2 < window.end
            ]
        )
    return parts


def words_of(ids: Sequence[int], units: Units) -> list[tuple[str, list[int]]]:
    """The words that units spell, each with the places of its units; units that only separate words
    belong to none."""
    places: list[list[int]] = []
    before: list[str] = []
    for place in range(len(ids)):
        words = units.words(ids[: place + 1])
        if len(words) > len(before):
            places.append([place])
        elif words != before:
            places[-1].append(place)
        before = words
    return list(zip(before, places, strict=True))


def _samples(window: Window, start: int, end: int, samples: Samples) -> tuple[Samples, Samples]:
    """Frames of a window in Samples of the recording: each extends half a hop around its centre."""
    frames = window.outputs[0].hidden
    border = frames.offset - frames.hop // 2
    return (
        max(0, border + (window.first + start) * frames.hop),
        min(samples, border + (window.first + end) * frames.hop),
    )
