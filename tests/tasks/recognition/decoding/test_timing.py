"""Times of words: paths of known symbols come back as words with their times, each once."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank
from joint.losses.ctc import collapsed, emissions
from joint.text.units import CharacterUnits, PhoneUnits
from tasks.recognition.core import Posteriors, RecognizerCore
from tasks.recognition.decoding.timing import Parts, TimedWord, parts_of, timed_words, words_of
from tasks.recognition.inference import WINDOW_FRAMES, Window
from tasks.recognition.objectives.attention import AttentionDecoder
from tasks.recognition.objectives.serialization import InterleavedTokens
from tasks.recognition.task import RecognitionTask
from tasks.recognition.topologies import SimoRecognition, SingleRecognition, SisoRecognition

PHONES = ("SIL", "A", "B", "C", "D")
HOP, OFFSET = 640, 200
core = partial(
    RecognizerCore, Filterbank(24), width=16, lower=1, upper=1, hidden=32, kernel=5, channels=4
)


def path_of(*spans: tuple[int, int, int], frames: int = 100) -> Tensor:
    """Blanks, and each symbol from one frame to before another."""
    path = torch.zeros(frames, dtype=torch.int64)
    for symbol, start, end in spans:
        path[start:end] = symbol
    return path


def posteriors_of(path: Tensor, vocabulary: int) -> Posteriors:
    scores = torch.full((1, len(path), vocabulary), -5.0)
    scores[0, torch.arange(len(path)), path] = 5.0
    frames = torch.tensor([len(path)])
    return Posteriors(scores.log_softmax(dim=-1), frames, Frames(scores, None, HOP, OFFSET))


def parts(task: RecognitionTask, *paths: Tensor, samples: int = 16_000 * 10) -> Parts:
    vocabulary = len(task.units) + task.extra_symbols
    outputs = [posteriors_of(path, vocabulary) for path in paths]
    return parts_of(Window(outputs, 0, 0, len(paths[0])), task, samples)


def at(text: str, start: int, end: int) -> TimedWord:
    """A word from one frame to before another."""
    border = OFFSET - HOP // 2
    return TimedWord(text, max(0, border + HOP * start), border + HOP * end)


def test_frames_of_a_path() -> None:
    path = path_of((3, 0, 2), (4, 2, 3), (4, 5, 6), (1, 9, 10), frames=10)
    assert emissions(path) == [(3, 0, 2), (4, 2, 3), (4, 5, 6), (1, 9, 10)]
    assert collapsed(path) == [3, 4, 4, 1] and emissions(path[3:5]) == []


def test_words_and_their_times() -> None:
    units = CharacterUnits()
    a, b, space = (units.place[c] for c in "AB ")
    path = path_of(
        (space, 0, 1), (a, 2, 3), (b, 5, 7), (space, 20, 30), (space, 31, 32), (b, 40, 41)
    )
    silent = path_of()
    found = parts(SimoRecognition(units, core), path, silent)
    assert found == [[at("AB", 2, 7), at("B", 40, 41)], []]
    # the middle of frame 2 is where its window is
    word = found[0][1]
    assert (word.start + word.end) / 2 == OFFSET + 40 * HOP


def test_times_stay_in_the_recording() -> None:
    task = SingleRecognition(PhoneUnits(PHONES), core)
    first, last = parts(task, path_of((1, 0, 1), (2, 9, 10), frames=10), samples=6200)[0]
    assert (first.start, last.end) == (0, 6200) and first.end == 520


def test_words_of_units() -> None:
    units = CharacterUnits()
    text = "  WE   CALL IT "
    ids = [units.place[c] for c in text]
    found = words_of(ids, units)
    assert [word for word, _ in found] == text.split() == units.words(ids)
    assert ["".join(text[i] for i in own) for _, own in found] == text.split()
    assert words_of([2, 2], PhoneUnits(PHONES)) == [("B", [0]), ("B", [1])]


@pytest.mark.parametrize("interleaved", [False, True])
def test_serialized_output(interleaved: bool) -> None:
    order = InterleavedTokens() if interleaved else None
    if not interleaved:
        pytest.importorskip("espnet2", reason="espnet, of the attention decoder, is not installed")
    decoder = None if interleaved else AttentionDecoder
    task = SisoRecognition(PhoneUnits(PHONES), core, decoder, order=order)
    change = len(PHONES)
    path = path_of((1, 3, 4), (change, 5, 6), (2, 7, 8), (change, 9, 10), (3, 11, 13))
    mine, other = at("A", 3, 4), at("B", 7, 8)
    last = at("C", 11, 13)
    assert parts(task, path) == (
        [[mine, last], [other]] if interleaved else [[mine], [other, last]]
    )


def planted(spikes: Sequence[int]) -> Callable[..., list[Posteriors]]:
    """One output that emits A at these frames of the recording, in whatever window they are."""
    firsts = iter(range(0, 10_000, 450))

    def posteriors(encode: object, waveform: Tensor, *rest: object) -> list[Posteriors]:
        first, frames = next(firsts), (waveform.shape[1] - 400) // 160 // 4 + 1
        spans = [(1, s - first, s - first + 1) for s in spikes if first <= s < first + frames]
        return [posteriors_of(path_of(*spans, frames=frames), len(PHONES))]

    return posteriors


def test_every_word_of_a_long_recording_once(monkeypatch: pytest.MonkeyPatch) -> None:
    task = SingleRecognition(PhoneUnits(PHONES), core)
    spikes = [0, 300, 452, 474, 476, 498, 700, 923, 925, 1200]
    monkeypatch.setattr(task, "posteriors", planted(spikes))
    found = list(timed_words(task, None, torch.zeros(52 * 16_000)))  # type: ignore[arg-type]
    # 475 and 925 are the middles of what two windows share
    assert WINDOW_FRAMES == 500 and [len(window[0]) for window in found] == [4, 4, 2]
    assert [word for window in found for word in window[0]] == [at("A", s, s + 1) for s in spikes]
