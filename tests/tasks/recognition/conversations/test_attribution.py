"""Names of parts: by an encoder that knows the one value of a person's samples."""

from collections.abc import Sequence

import numpy as np
import pytest

from joint.conversation.turns import Turn
from joint.errors import DataError
from tasks.recognition.conversations.attribution import (
    attributed,
    speech_of,
    spoken_in,
    utterances,
)
from tasks.recognition.decoding.timing import Parts, TimedWord

SECOND = 16_000
LEVELS = np.array([0.1, 0.25, 0.6])
"""Two of them at once make a value that is nobody's."""

ENROLLED = {"Ann": np.eye(4)[:1], "Ben": np.eye(4)[[1, 1]]}
"""The third person is known to nobody."""


def shares(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """How much of each waveform is whose, and how much nobody's, `(n, 4)`; refuses what a real
    encoder refuses."""
    assert all(len(w) >= 4800 and w.any() for w in waveforms)
    own = [[np.mean(np.isclose(w, level)) for level in LEVELS] for w in waveforms]
    return np.array([[*row, 1.0 - sum(row)] for row in own])


def said(text: str, *times: float) -> list[TimedWord]:
    """Words, each between two of the times in seconds."""
    places = [round(t * SECOND) for t in times]
    return [TimedWord(word, *places[2 * i : 2 * i + 2]) for i, word in enumerate(text.split())]


def talk(seconds: float, *spoken: tuple[int, float, float]) -> np.ndarray:
    """Person, first and last second of what they say, added up."""
    waveform = np.zeros(round(seconds * SECOND), np.float32)
    for person, start, end in spoken:
        waveform[round(start * SECOND) : round(end * SECOND)] += LEVELS[person]
    return waveform


def speakers(turns: Sequence[Turn]) -> dict[str, str]:
    """Of each text."""
    return {turn.text: turn.speaker for turn in turns}


PARTS: Parts = [said("one two three", 0, 1, 1.2, 2, 4, 5), said("other", 1.5, 4.2)]


@pytest.mark.parametrize("first", [0, 1])
def test_names_follow_the_voices_not_the_order(first: int) -> None:
    second = 1 - first
    waveform = talk(6, (first, 0, 2), (first, 4, 5), (second, 1.5, 4.2))
    names = ("Ann", "Ben") if first == 0 else ("Ben", "Ann")
    turns = attributed(PARTS, waveform, shares, ENROLLED, 0.5)
    assert turns == [
        Turn(names[0], 0, 2 * SECOND, "one two"),
        Turn(names[1], round(1.5 * SECOND), round(4.2 * SECOND), "other"),
        Turn(names[0], 4 * SECOND, 5 * SECOND, "three"),
    ]


def test_nobody_is_two_parts_of_one_recording() -> None:
    waveform = talk(6, (0, 0, 2), (0, 4, 5), (0, 2, 4))
    found = speakers(attributed(PARTS, waveform, shares, ENROLLED, 0.5))
    assert sorted(found.values()) in (["Ann", "Ann", "speaker2"], ["Ann", "speaker1", "speaker1"])


def test_a_stranger_and_a_silent_part() -> None:
    waveform = talk(6, (2, 0, 2), (2, 4, 5), (1, 1.5, 4.2))
    found = speakers(attributed(PARTS, waveform, shares, ENROLLED, 0.5))
    assert found == {"one two": "speaker1", "three": "speaker1", "other": "Ben"}
    # the number of the part stays, and a name that somebody has is nobody else's
    alone = [[[], said("hm", 1.6, 3.9)]]
    stranger = talk(6, (2, 1, 4))
    assert speakers(attributed(alone[0], stranger, shares, ENROLLED, 0.5)) == {"hm": "speaker2"}
    called = {"speaker1": ENROLLED["Ann"]}
    assert speakers(attributed(PARTS, waveform, shares, called, 0.5))["other"] == "speaker3"
    assert attributed([[], []], waveform, shares, ENROLLED) == []


def test_without_enrolments_parts_are_voices() -> None:
    def refuses(waveforms: object) -> np.ndarray:
        raise AssertionError("nobody to compare with")

    found = speakers(attributed(PARTS, talk(6, (0, 0, 5)), refuses))
    assert found == {"one two": "speaker1", "three": "speaker1", "other": "speaker2"}


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


LONG: list[Parts] = [
    [said("a b", 0, 2, 8, 10), said("c", 3, 6)],
    [said("d", 20, 23), said("e", 24, 27)],
    [[], said("f", 41, 44)],
]
"""Ann says a, c is Ben's; in the second piece the parts are the other way round; b is Ben's too, in
Ann's part."""

LONG_TURNS = turns(("Ann", 0, 2.4), ("Ben", 3, 10), ("Ben", 20, 23), ("Ann", 24, 27), ("x", 41, 43))


def test_one_name_over_a_long_recording() -> None:
    found = speakers(spoken_in(iter(LONG), LONG_TURNS))
    assert found == {"a": "Ann", "c": "Ben", "b": "Ben", "d": "Ben", "e": "Ann", "f": "x"}


def test_a_change_of_speakers_divides_words_that_follow_each_other() -> None:
    parts: list[Parts] = [[said("a b", 0, 1, 1, 2)], [said("c d", 2, 3, 3.2, 4)]]
    found = spoken_in(parts, turns(("Ann", 0, 1.1), ("Ben", 1.1, 3), ("Ann", 3, 4)))
    assert [(turn.speaker, turn.text) for turn in found] == [
        ("Ann", "a"),
        ("Ben", "b c"),
        ("Ann", "d"),
    ]


def test_two_outputs_in_overlap_are_two_speakers() -> None:
    """The second output begins while both talk, and the first goes on with whom it has."""
    parts: list[Parts] = [[said("a b c", 0, 1, 1, 2, 2, 3), said("d e", 1, 2, 2, 3.5)]]
    for one, other in (("Ann", "Ben"), ("Ben", "Ann")):
        found = spoken_in(parts, turns((one, 0, 3.2), (other, 1, 4)))
        assert speakers(found) == {"a b c": one, "d e": other}
    # one output alone has one of them
    alone = spoken_in([[said("a b", 0, 1, 1, 2)]], turns(("Ann", 0, 2), ("Ben", 0, 2)))
    assert speakers(alone) == {"a b": "Ann"}


def test_words_outside_of_all_turns() -> None:
    parts: list[Parts] = [[said("a b", 2, 3, 6, 7)]]
    found = speakers(spoken_in(parts, turns(("Ann", 0, 1), ("Ben", 8, 9))))
    assert found == {"a": "Ann", "b": "Ben"}
    assert speakers(spoken_in(parts, [])) == {"a": "speaker1", "b": "speaker1"}
    assert spoken_in([[[]]], LONG_TURNS) == []


def test_the_speech_of_an_embedding() -> None:
    parts = [utterances(words) for words in PARTS]
    waveform = talk(6, (0, 0, 2), (0, 4, 5), (1, 1.5, 4.2))
    alone = speech_of(parts[0], parts, waveform)
    assert np.isclose(alone, LEVELS[0]).all() and len(alone) == round(2.3 * SECOND)
    short = utterances(said("x", 1.0, 1.04))
    assert len(speech_of(short, [short, *parts], waveform)) == round(0.64 * SECOND)
    # words in digital silence: the whole recording, which is never silent
    nowhere = utterances(said("x", 5.5, 5.6))
    assert speech_of(nowhere, [nowhere], waveform) is waveform


def test_utterances_end_at_pauses() -> None:
    words = said("a b c", 0, 1, 1.5, 2, 2.6, 3)
    assert [len(u.words) for u in utterances(words)] == [2, 1] and utterances([]) == []


def test_enrolments_of_another_encoder() -> None:
    with pytest.raises(DataError, match=r"\(n, 3\)"):
        attributed(PARTS, talk(6, (0, 0, 5)), shares, {"Ann": np.ones((1, 3))})
    with pytest.raises(DataError, match="no speakers"):
        attributed(PARTS, talk(6, (0, 0, 5)), shares, {})
