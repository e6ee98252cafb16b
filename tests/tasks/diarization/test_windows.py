"""Windows cover speech once, whatever its length; turns are what they were put together from."""

import numpy as np

from joint.conversation.turns import Turn
from joint.inspection.speech import Region, SileroSpeech
from tasks.diarization.segments import joined, oracle_speech
from tasks.diarization.windows import Window, turns_of, windows

SECOND = 16_000


def test_each_sample_of_speech_belongs_to_one_window() -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        borders = np.sort(random.choice(60 * SECOND, 8, replace=False)).tolist()
        speech = [Region(*borders[i : i + 2]) for i in (0, 2, 4, 6)]
        found = windows(speech, 60 * SECOND)
        assert joined(window.decides for window in found) == speech
        assert sum(w.decides.end - w.decides.start for w in found) == sum(e - s for s, e in speech)
        for given, decided in found:
            assert 0 <= given.start <= decided.start < decided.end <= given.end <= 60 * SECOND
            assert 0.3 * SECOND <= given.end - given.start <= 1.5 * SECOND


def test_windows_are_spread_evenly() -> None:
    (only,) = windows([Region(SECOND, 2 * SECOND)], 9 * SECOND)
    assert only == Window(Region(SECOND, 2 * SECOND), Region(SECOND, 2 * SECOND))
    found = windows([Region(0, 3 * SECOND)], 9 * SECOND, length=1.5, hop=0.75)
    assert [w.input for w in found] == [(0, 24_000), (12_000, 36_000), (24_000, 48_000)]
    assert [w.decides for w in found] == [(0, 18_000), (18_000, 30_000), (30_000, 48_000)]


def test_short_stretches_and_recordings() -> None:
    edge = windows([Region(0, 100), Region(9900, 10_000)], 10_000)
    assert [w.input for w in edge] == [(0, 4800), (5200, 10_000)]
    assert [w.decides for w in edge] == [(0, 100), (9900, 10_000)]
    assert windows([Region(0, 4000)], 4000) == []
    assert windows([], SECOND) == []


def test_turns_of_windows() -> None:
    found = windows([Region(0, 3 * SECOND), Region(4 * SECOND, 5 * SECOND)], 9 * SECOND)
    assert turns_of(found, ["a", "a", "b", "b"]) == [
        Turn("a", 0, 30_000),
        Turn("b", 30_000, 48_000),
        Turn("b", 64_000, 80_000),
    ]


def test_speech_of_a_reference() -> None:
    turns = [Turn("a", 10, 20), Turn("b", 15, 30), Turn("a", 30, 35), Turn("b", 50, 60)]
    assert oracle_speech(turns) == [(10, 35), (50, 60)]
    assert oracle_speech([]) == []


def test_silero_hears_nothing_in_silence() -> None:
    silero, random = SileroSpeech(), np.random.default_rng(2)
    noise = 0.001 * random.normal(size=3 * SECOND).astype(np.float32)
    for silence in (np.zeros(2 * SECOND, np.float32), noise, np.zeros(200, np.float32)):
        assert silero(silence) == []
