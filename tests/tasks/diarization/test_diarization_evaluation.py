"""Diarization error rates, worked by hand."""

import math

import pytest

from joint.conversation.turns import Turn
from joint.errors import DataError
from tasks.diarization.evaluate import DiarizationErrors, diarization_errors, evaluate_diarization

SECOND = 16_000


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


def seconds(errors: DiarizationErrors) -> tuple[float, float, float, float]:
    """Speech, missed, false alarm, confusion."""
    found = (errors.speech, errors.missed, errors.false_alarm, errors.confusion)
    return tuple(samples / SECOND for samples in found)  # type: ignore[return-value]


TWO = turns(("A", 0, 10), ("B", 10, 20))
CROSSED = turns(("A", 0, 10), ("B", 8, 14))


def test_names_do_not_matter() -> None:
    found = diarization_errors(TWO, turns(("2", 0, 10), ("1", 10, 20)))
    assert seconds(found) == (20, 0, 0, 0) and found.der_percent == 0.0


@pytest.mark.parametrize(
    "estimate, expected",
    [
        # the change of speakers comes two seconds late
        (turns(("x", 0, 12), ("y", 12, 20)), (20, 0, 0, 2)),
        # two seconds missed, three invented after the end
        (turns(("x", 0, 8), ("y", 10, 23)), (20, 2, 3, 0)),
        # one person for two
        (turns(("x", 0, 20)), (20, 0, 0, 10)),
        # three for two
        (turns(("x", 0, 10), ("y", 10, 14), ("z", 14, 20)), (20, 0, 0, 4)),
        # a second speaker where there is none
        (turns(("x", 0, 10), ("y", 10, 20), ("y", 5, 7)), (20, 0, 2, 0)),
        # the same speech as two overlapping turns of one speaker
        (turns(("x", 0, 6), ("x", 4, 10), ("y", 10, 20)), (20, 0, 0, 0)),
        (turns(), (20, 20, 0, 0)),
    ],
)
def test_one_speaker_at_a_time(
    estimate: list[Turn], expected: tuple[float, float, float, float]
) -> None:
    assert seconds(diarization_errors(TWO, estimate)) == expected


def test_overlap() -> None:
    one_at_a_time = turns(("x", 0, 9), ("y", 9, 14))
    assert seconds(diarization_errors(CROSSED, one_at_a_time)) == (16, 2, 0, 0)
    assert diarization_errors(CROSSED, one_at_a_time).der_percent == 12.5
    assert seconds(diarization_errors(CROSSED, CROSSED)) == (16, 0, 0, 0)
    # both where both speak, but one of them confused
    confused = turns(("x", 0, 10), ("z", 8, 9), ("y", 9, 14))
    assert seconds(diarization_errors(CROSSED, confused)) == (16, 0, 0, 1)
    assert seconds(diarization_errors(CROSSED, one_at_a_time, overlap=False)) == (12, 0, 0, 0)


def test_the_mapping_is_the_best_of_all() -> None:
    """x shares most with A, but A with y and B with x explain more."""
    reference = turns(("A", 0, 9), ("B", 9, 14))
    estimate = turns(("x", 0, 5), ("y", 5, 9), ("x", 9, 14))
    assert seconds(diarization_errors(reference, estimate)) == (14, 0, 0, 5)


def test_collar() -> None:
    late = turns(("x", 0.2, 10.2), ("y", 10.2, 20.1))
    assert seconds(diarization_errors(TWO, late, collar=0.25)) == (19, 0, 0, 0)
    assert seconds(diarization_errors(TWO, late)) == pytest.approx((20, 0.2, 0.1, 0.2))
    later = turns(("x", 0, 10.5), ("y", 10.5, 20))
    assert seconds(diarization_errors(TWO, later, collar=0.25)) == (19, 0, 0, 0.25)
    # a turn shorter than its collars is not scored, nor is speech during it
    short = turns(("A", 0, 10), ("B", 3, 3.4))
    assert seconds(diarization_errors(short, turns(("x", 0, 10)), collar=0.25)) == (8.6, 0, 0, 0)


def test_many_recordings_are_added_up() -> None:
    reference = {"long": TWO, "short": turns(("A", 0, 5)), "lost": turns(("C", 0, 5))}
    estimate = {"long": turns(("x", 0, 12), ("y", 12, 20)), "short": turns(("A", 0, 4))}
    figures = evaluate_diarization(reference, estimate)
    assert figures["der_percent"] == pytest.approx(100 * (2 + 1 + 5) / 30)
    assert figures["missed_percent"] == pytest.approx(100 * 6 / 30)
    assert figures["confusion_percent"] == pytest.approx(100 * 2 / 30)
    assert figures["false_alarm_percent"] == 0.0
    assert figures["number_right_percent"] == pytest.approx(200 / 3)
    assert (figures["recordings"], figures["speech_seconds"]) == (3, 30)


def test_nothing_to_score() -> None:
    assert math.isnan(diarization_errors([], []).der_percent)
    assert seconds(diarization_errors([], TWO)) == (0, 0, 20, 0)
    with pytest.raises(DataError, match="without speech"):
        evaluate_diarization({"a": []}, {})
    with pytest.raises(DataError, match="recording b"):
        evaluate_diarization({"a": TWO}, {"b": TWO})
