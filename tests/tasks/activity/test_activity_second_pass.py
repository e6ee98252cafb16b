"""From probabilities to turns, pieces to one sequence, and clusters to people looked for again."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.conversation.activity import Activity, own_speech, spoken_steps, turns_of
from joint.conversation.turns import Turn
from joint.metrics.activity import Errors
from tasks.activity.evaluate import matched
from tasks.activity.inference import LONGEST, OVERLAP, in_pieces
from tasks.activity.second_pass import SecondPass

SECOND = 16_000
LEVELS = (0.1, 0.2)
"""A person is known by the one value of their samples; where both talk the values add up."""


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


def planted(parts: Sequence[tuple[float, float]]) -> np.ndarray:
    return np.concatenate([np.full(round(s * SECOND), v) for v, s in parts]).astype(np.float32)


TALK = planted(((0.1, 4), (0.3, 2), (0.2, 4), (0.0, 2), (0.1, 3)))
"""Person 0 up to 6 s, person 1 from 4 to 10 s, person 0 again from 12 to 15 s."""
TRUTH = turns(("a", 0, 6), ("b", 4, 10), ("a", 12, 15))


def find(waveform: np.ndarray, recordings: Sequence[np.ndarray]) -> Activity:
    """Finds the person who is most in each recording, and whoever is in the waveform."""
    blocks = waveform[: len(waveform) // 320 * 320].reshape(-1, 320).mean(axis=1)
    who = [min(LEVELS, key=lambda v: abs(v - np.median(r))) for r in recordings]
    active = [np.isclose(blocks, v) | np.isclose(blocks, 0.3) for v in who]
    return Activity(torch.tensor(np.stack(active), dtype=torch.float32), 320, 160)


def near(found: Sequence[Turn], expected: Sequence[Turn], within: float = 0.03) -> bool:
    return [t.speaker for t in found] == [t.speaker for t in expected] and all(
        abs(f.start - e.start) < within * SECOND and abs(f.end - e.end) < within * SECOND
        for f, e in zip(found, expected, strict=True)
    )


def test_overlap_that_clustering_missed() -> None:
    one_at_a_time = turns(("a", 0, 5), ("b", 5, 10), ("a", 12, 15))
    assert near(SecondPass(find)(TALK, one_at_a_time), TRUTH)


def test_each_pass_enrols_with_the_turns_of_the_one_before() -> None:
    """b begins with more of a's speech than of their own."""
    mixed = turns(("a", 0, 2), ("b", 2, 4), ("b", 8, 9.9), ("a", 12, 15))
    asked: list[int] = []

    def counted(waveform: np.ndarray, recordings: Sequence[np.ndarray]) -> Activity:
        asked.append(len(recordings[-1]))
        return find(waveform, recordings)

    assert near(
        SecondPass(counted, iterations=1)(TALK, mixed),
        turns(*((who, s, e) for s, e in ((0, 6), (12, 15)) for who in "ab")),
    )
    assert asked == [round(3.9 * SECOND)]


def test_it_ends_where_nothing_changes() -> None:
    calls: list[int] = []

    def counted(waveform: np.ndarray, recordings: Sequence[np.ndarray]) -> Activity:
        calls.append(len(recordings))
        return find(waveform, recordings)

    for first in (TRUTH, turns(("a", 0, 5), ("b", 5, 10), ("a", 12, 15))):
        assert near(SecondPass(counted, iterations=9)(TALK, first), TRUTH)
    assert len(calls) == 1 + 2


def test_too_little_speech_and_none() -> None:
    with_short = [*turns(("a", 0, 5)), *turns(("c", 14, 14.2))]
    found = SecondPass(find)(TALK, with_short)
    assert [t for t in found if t.speaker == "c"] == turns(("c", 14, 14.2))
    assert SecondPass(find)(TALK, turns(("c", 14, 14.2))) == turns(("c", 14, 14.2))
    assert SecondPass(find)(TALK, []) == []

    def absent(waveform: np.ndarray, recordings: Sequence[np.ndarray]) -> Activity:
        return Activity(torch.zeros(len(recordings), 10), 320, 160)

    assert SecondPass(absent)(TALK, TRUTH) == []


def test_enrolled_with_what_no_one_overlaps() -> None:
    active = spoken_steps(TRUTH, ["a", "b"], len(TALK))
    assert np.allclose(own_speech(TALK, active, 0), 0.1)
    assert len(own_speech(TALK, active, 1)) == 4 * SECOND
    hidden = spoken_steps(turns(("a", 0, 6), ("b", 4, 6.5)), ["a", "b"], len(TALK))
    assert len(own_speech(TALK, hidden, 1)) == 2.5 * SECOND  # too little alone
    long = np.repeat(TALK, 3)
    assert len(own_speech(long, np.ones((1, len(long) // 160), bool), 0)) == 20 * SECOND


def test_where_speech_is_known_somebody_speaks() -> None:
    """Two who are both unlikely, then one who is likely where nobody speaks, then both together."""
    values = torch.tensor([[0.2] * 100 + [0.9] * 100 + [0.8] * 100, [0.4] * 200 + [0.7] * 100])
    activity, samples = Activity(values, 160, 80), 300 * 160
    speech = np.repeat([True, False, True], 100)
    found = turns_of(activity, ["a", "b"], samples, speech=speech)
    assert near(found, turns(("b", 0, 1), ("a", 2, 3), ("b", 2, 3)))
    assert near(turns_of(activity, ["a", "b"], samples), turns(("a", 1, 3), ("b", 2, 3)))


@pytest.mark.parametrize("seconds", [10.0, 24.0, 24.01, 44.0, 44.3, 91.7])
def test_pieces_are_one_sequence(seconds: float) -> None:
    """The value of a frame is where its samples lie in the recording; pieces are bounded."""
    recording = torch.arange(round(seconds * SECOND), dtype=torch.float64)

    def activity(piece: Tensor) -> Activity:
        assert len(piece) <= LONGEST
        count = 1 + (len(piece) - 400) // 640
        return Activity(piece[440 : 440 + 640 * count : 640][None], 640, 440)

    found = in_pieces(activity, recording)
    expected = torch.arange(440, len(recording), 640, dtype=torch.float64)
    got = found.probabilities[0]
    assert abs(len(got) - len(expected)) <= 1
    torch.testing.assert_close(got, expected[: len(got)])
    assert OVERLAP % 2 == 0


def test_turns_begin_between_frames() -> None:
    """0.2 and 0.8 on frames 640 Samples apart: the half lies halfway."""
    values = torch.tensor([[0.2] * 10 + [0.8] * 30 + [0.2] * 10])
    (turn,) = turns_of(Activity(values, 640, 440), ["x"], 50 * 640)
    assert turn.start == pytest.approx(440 + 9.5 * 640, abs=160)
    assert turn.end == pytest.approx(440 + 39.5 * 640, abs=160)
    # a pause of 0.28 s is closed, speech of 0.16 s dropped
    steps = [0, 1, 0, 1, 0, 1, 0]
    values = torch.tensor([steps], dtype=torch.float32).repeat_interleave(
        torch.tensor([5, 10, 7, 10, 20, 4, 5]), dim=1
    )
    (turn,) = turns_of(Activity(values, 640, 320), ["x"], values.shape[1] * 640)
    assert (turn.start, turn.end) == (5 * 640, 32 * 640)


def test_errors_by_hand() -> None:
    """Four frames of two people, of which the last is outside the mixture."""
    known = torch.tensor([[[1, 1, 0, 1], [0, 1, 0, 1]]]).bool()
    found = torch.tensor([[[0, 1, 0, 0], [1, 0, 1, 0]]]).bool()
    errors = Errors()
    errors.add(found, known, torch.tensor([[True, True, True, False]]))
    figures = errors.figures()
    assert figures["frame_error_percent"] == pytest.approx(100 * 4 / 6)
    assert figures["confusion_percent"] == figures["missed_percent"] == pytest.approx(100 / 3)
    assert figures["false_alarm_percent"] == pytest.approx(100 / 3)
    assert figures["der_percent"] == pytest.approx(100)
    assert "absent_active_percent" not in figures
    absent = torch.zeros(1, 2, 4, dtype=torch.bool)
    errors.add(found, absent, torch.ones(1, 4, dtype=torch.bool))
    assert errors.figures()["absent_active_percent"] == pytest.approx(100 * 3 / 8)


def test_clusters_are_matched_with_people() -> None:
    known = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]], dtype=bool)
    found = np.array([[0, 0, 1, 1, 1], [1, 0, 0, 0, 0]], dtype=bool)
    expected = np.array([[1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 0]], dtype=bool)
    np.testing.assert_array_equal(matched(found, known), expected)
