"""From a waveform to turns, by an encoder that knows who is who."""

from collections.abc import Sequence

import numpy as np
import pytest

from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.inspection.speech import Region
from tasks.diarization.pipeline import Diarizer

SECOND = 16_000
LEVELS = np.array([0.1, 0.2, 0.3])
"""A person is known by the one value of their samples."""
THRESHOLD = 0.25


def shares(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """How much of each waveform is whose, `(n, 3)`; refuses what a real encoder refuses."""
    assert all(len(w) >= 4800 and w.any() for w in waveforms)
    return np.array([[np.mean(np.isclose(w, level)) for level in LEVELS] for w in waveforms])


def recording(*parts: tuple[int | None, float]) -> np.ndarray:
    """Person, or None for silence, and seconds."""
    waveforms = [np.full(round(s * SECOND), 0.0 if p is None else LEVELS[p]) for p, s in parts]
    return np.concatenate(waveforms).astype(np.float32)


TALK = recording((0, 4.0), (None, 1.0), (2, 6.0), (0, 3.0))
SPEECH = [Region(0, 4 * SECOND), Region(5 * SECOND, 14 * SECOND)]


def test_who_speaks_when() -> None:
    turns = Diarizer(shares, THRESHOLD)(TALK, SPEECH, speakers=2)
    assert [turn.speaker for turn in turns] == ["speaker1", "speaker2", "speaker1"]
    assert turns[0] == Turn("speaker1", 0, 4 * SECOND)
    assert (turns[1].start, turns[2].end) == (5 * SECOND, 14 * SECOND)
    # a change within speech is found to half a hop
    assert turns[1].end == turns[2].start and abs(turns[1].end / SECOND - 11.0) <= 0.375


def test_the_number_is_found() -> None:
    three = recording((0, 6.0), (1, 6.0), (2, 6.0))
    turns = Diarizer(shares, THRESHOLD)(three, [Region(0, len(three))])
    assert [turn.speaker for turn in turns] == ["speaker1", "speaker2", "speaker3"]


def test_one_person_alone() -> None:
    alone = recording((1, 5.0), (None, 1.0), (1, 5.0))
    turns = Diarizer(shares, THRESHOLD)(
        alone, [Region(0, 5 * SECOND), Region(6 * SECOND, 11 * SECOND)]
    )
    assert turns == [
        Turn("speaker1", 0, 5 * SECOND),
        Turn("speaker1", 6 * SECOND, 11 * SECOND),
    ]


def test_without_a_threshold_the_number_is_asked_for() -> None:
    diarize = Diarizer(shares)
    assert diarize(TALK, SPEECH, speakers=2) == Diarizer(shares, THRESHOLD)(TALK, SPEECH, 2)
    with pytest.raises(DataError, match="no threshold; expected one, or the number of speakers"):
        diarize(TALK, SPEECH)


def test_people_of_a_database() -> None:
    enrolled = {"speaker1": np.eye(3)[2:], "Ben": np.eye(3)[1:2]}
    turns = Diarizer(shares, THRESHOLD)(TALK, SPEECH, 2, enrolled, threshold=0.8)
    assert [turn.speaker for turn in turns] == ["speaker2", "speaker1", "speaker2"]
    with pytest.raises(DataError, match="no speakers"):
        Diarizer(shares, THRESHOLD)(TALK, SPEECH, 2, {}, threshold=0.8)


def test_two_clusters_of_one_person_are_one() -> None:
    enrolled = {"Anna": np.eye(3)[0], "Cleo": np.eye(3)[2]}
    turns = Diarizer(shares, THRESHOLD)(TALK, SPEECH, 3, enrolled, threshold=0.1)
    assert [turn.speaker for turn in turns] == ["Anna", "Cleo", "Anna"]


def test_nobody_speaks() -> None:
    diarizer = Diarizer(shares, THRESHOLD)
    assert diarizer(TALK, []) == []
    # silence that passes for speech, and a recording that no encoder takes
    assert diarizer(np.zeros(2 * SECOND, np.float32), [Region(0, SECOND)]) == []
    assert diarizer(TALK[:4000], [Region(0, 4000)]) == []
    assert len(diarizer(TALK[:4800], [Region(0, 4800)])) == 1
    with pytest.raises(DataError, match="1 windows for 2 speakers"):
        diarizer(TALK[:4800], [Region(0, 4800)], speakers=2)
