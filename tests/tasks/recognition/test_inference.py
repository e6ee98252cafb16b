"""Recordings longer than a window: outputs keep their order, attention decodes each window."""

import weakref
from functools import partial

import pytest
import torch
from torch import Tensor

from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Filterbank
from joint.text.units import PhoneUnits
from tasks.recognition.core import Posteriors, RecognizerCore
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.inference import continued
from tasks.recognition.topologies import SimoRecognition

PHONES = ("SIL", "A", "B", "C")
SAMPLES = 52 * 16_000
core = partial(
    RecognizerCore, Filterbank(24), width=16, lower=1, upper=1, hidden=32, kernel=5, channels=4
)


class Swapping(SimoRecognition):
    """One speaker says A and the other B, every half second; each window has its outputs in
    another order, as permutation-invariant training leaves open."""

    calls = 0

    def posteriors(self, encode: object, waveform: Tensor, *rest: object) -> list[Posteriors]:  # type: ignore[override]
        first, frames = self.calls * 450, (waveform.shape[1] - 400) // 640 + 1
        outputs = []
        for symbol, phase in ((1, 0), (2, 6)):
            scores = torch.zeros(1, frames, len(PHONES))
            scores[0, :, 0] = 5.0
            # a window sees its borders differently, and its first and last words are not sure
            scores[0, [f for f in range(3, frames - 3) if (first + f) % 12 == phase], symbol] = 9.0
            lengths = torch.tensor([frames])
            outputs.append(
                Posteriors(scores.log_softmax(2), lengths, Frames(scores, None, 640, 200))
            )
        self.calls += 1
        return outputs if self.calls % 2 else outputs[::-1]


def swapping() -> Swapping:
    torch.manual_seed(0)
    return Swapping(PhoneUnits(PHONES), core)


def test_outputs_keep_their_order_over_windows() -> None:
    found = swapping().infer(None, torch.zeros(SAMPLES))  # type: ignore[arg-type]
    assert [set(words) for words in found] == [{"A"}, {"B"}]
    assert all(len(words) > 100 for words in found)


def test_times_keep_their_order_over_windows() -> None:
    found = list(timed_words(swapping(), None, torch.zeros(SAMPLES)))  # type: ignore[arg-type]
    assert len(found) == 3
    assert all({word.text for word in window[0]} == {"A"} for window in found)


def test_silent_outputs_stay_where_they_are() -> None:
    silent = torch.zeros(1, 500, len(PHONES)).log_softmax(2)
    outputs = [
        Posteriors(silent, torch.tensor([500]), Frames(silent + n, None, 640, 200))
        for n in range(2)
    ]
    assert continued(outputs, outputs) == outputs


@pytest.mark.parametrize("windowed", [False, True])
def test_a_windowed_decoding_sees_one_window_at_a_time(windowed: bool) -> None:
    seen = []

    def decode(posteriors: Posteriors, row: int) -> list[int]:
        seen.append(posteriors.hidden.features.shape[1])
        return [1]

    decode.windowed = windowed  # type: ignore[attr-defined]
    decoding: Decoding = decode  # type: ignore[assignment]
    found = swapping().infer(None, torch.zeros(SAMPLES), (), decoding)  # type: ignore[arg-type]
    frames = (SAMPLES - 400) // 640 + 1
    assert sum(seen) == 2 * frames
    assert max(seen) == (475 if windowed else frames)
    assert found == [["A"] * (3 if windowed else 1)] * 2


def test_memory_does_not_grow_with_the_length() -> None:
    """Of the windows of a long recording at most three are there at once."""
    alive: list[int] = []
    known: list[weakref.ref[Tensor]] = []

    class Watched(Swapping):
        def posteriors(self, *given: object) -> list[Posteriors]:  # type: ignore[override]
            found = super().posteriors(*given)  # type: ignore[arg-type]
            known.append(weakref.ref(found[0].log_probabilities))
            alive.append(sum(ref() is not None for ref in known))
            return found

    task = Watched(PhoneUnits(PHONES), core)
    words = 0
    for window in timed_words(task, None, torch.zeros(12 * SAMPLES)):  # type: ignore[arg-type]
        words += len(window[0])
    assert len(alive) > 30 and max(alive) <= 3 and words > 1000
