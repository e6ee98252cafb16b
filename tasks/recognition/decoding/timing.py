"""When each word is said, by CTC's best path: a unit stands in the frames in which it is written.

CTC is free to write a unit at any moment from which it can be known, and most write it in one frame
or two: times are those of a moment within the unit or a little after it, not its borders. Of
serialized output only token by token has times at all; first in first out writes the second person
after the first one's end, whenever that person spoke.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from joint.errors import ConfigError
from joint.losses.ctc import written
from joint.task import Encode
from joint.text.units import Units
from joint.units import Samples
from tasks.recognition.core import RecognizerCore
from tasks.recognition.inference import Piece, pieces
from tasks.recognition.task import RecognitionTask


@dataclass(frozen=True)
class TimedWord:
    """A word (or phone) and when it is written."""

    text: str
    start: Samples
    end: Samples


Parts = list[list[TimedWord]]
"""What each person says, as far as the outputs tell persons apart."""


def timed_words(task: RecognitionTask, encode: Encode, waveform: Tensor) -> list[Parts]:
    """What `task` makes of each piece of `waveform (S,)`, by the likeliest path.

    Which part is whom may change from one piece to the next. A word counts in the piece that its
    middle belongs to. Raises ConfigError for a recogniser that was trained without CTC.
    """
    if task.decoder is not None and task.attention == 1.0:
        expected = "one with CTC, by whose frames words get times (attention below 1)"
        raise ConfigError("recogniser", "one trained by its attention decoder alone", expected)
    heard = pieces(task, encode, waveform)
    return [parts_of(piece, task, len(waveform)) for piece in heard]


def parts_of(piece: Piece, task: RecognitionTask, samples: Samples) -> Parts:
    """The parts of one piece of a recording of so many `samples`."""
    paths = []
    for output in piece.outputs:
        own = output.log_probabilities[0, : output.frames[0]]
        paths.append(written(own.argmax(dim=-1)))
    found = []
    for places in task.places([[unit.symbol for unit in path] for path in paths]):
        units = [paths[n][i] for n, i in places]
        words = words_of([unit.symbol for unit in units], task.units)
        spans = [(text, units[own[0]].start, units[own[-1]].end) for text, own in words]
        found.append(
            [
                TimedWord(text, *_samples(piece.first, start, end, task.core, samples))
                for text, start, end in spans
                if piece.begin <= (start + end) / 2 < piece.end
            ]
        )
    return found


def words_of(ids: Sequence[int], units: Units) -> list[tuple[str, list[int]]]:
    """The words that units read, each with the places of its units; those that only part words are
    in none."""
    places: list[list[int]] = []
    before: list[str] = []
    for place in range(len(ids)):
        read = units.words(ids[: place + 1])
        if len(read) > len(before):
            places.append([place])
        elif read != before:
            places[-1].append(place)
        before = read
    return list(zip(before, places, strict=True))


def _samples(
    first: int, start: int, end: int, core: RecognizerCore, samples: Samples
) -> tuple[Samples, Samples]:
    """Frames of a piece in Samples: each reaches half a hop around its centre."""
    border = core.frontend.offset - core.hop // 2
    return (
        max(0, border + (first + start) * core.hop),
        min(samples, border + (first + end) * core.hop),
    )
