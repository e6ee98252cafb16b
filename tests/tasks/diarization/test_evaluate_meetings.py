"""Meetings diarized and scored, by an encoder that knows who is who."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from joint.audio import write_audio
from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.inspection.speech import Region
from tasks.diarization.meetings import Meeting, evaluate_meetings
from tasks.diarization.pipeline import Diarizer

SECOND = 16_000
LEVELS = np.array([0.1, 0.2, 0.3])
"""A person is known by the one value of their samples."""


def shares(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """How much of each waveform is whose, `(n, 3)`."""
    return np.array(
        [[np.mean(np.isclose(w, level, atol=0.01)) for level in LEVELS] for w in waveforms]
    )


def sounding(waveform: np.ndarray) -> list[Region]:
    """Where the waveform is not zero."""
    edges = np.flatnonzero(np.diff(waveform != 0, prepend=False, append=False))
    return [Region(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


FINDS = Diarizer(shares, 0.25, find_speech=sounding)
GIVEN = Diarizer(shares)
TALK = turns(("A", 0, 6), ("B", 7, 13), ("A", 13, 16))


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """16 s: person 0 up to 6 s, a second of silence, person 2 up to 13 s, and 0 again."""
    parts = ((0.1, 6), (0.0, 1), (0.3, 6), (0.1, 3))
    waveform = np.concatenate([np.full(s * SECOND, level, np.float32) for level, s in parts])
    write_audio(tmp_path / "talk.wav", waveform)
    return tmp_path / "talk.wav"


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize("speakers", [2, None, lambda meeting: meeting.speakers])
def test_the_number_of_speakers(talk: Path, speakers: object) -> None:
    meetings = [Meeting("talk", talk, TALK)]
    figures, found = evaluate_meetings(FINDS, meetings, speakers=speakers)  # type: ignore[arg-type]
    # a change of speakers is found to half a hop of the windows
    assert figures["der_percent"] == figures["confusion_percent"] < 100 * 0.375 / 15 + 0.1
    assert [turn.speaker for turn in found["talk"]] == ["speaker1", "speaker2", "speaker1"]
    assert figures["by_recording"]["talk"]["speakers_found"] == 2


def test_speech_of_the_reference(talk: Path) -> None:
    late = turns(("A", 2, 6), ("B", 7, 12))
    figures, found = evaluate_meetings(GIVEN, [Meeting("talk", talk, late)], True, 2)
    assert figures["der_percent"] == 0.0
    assert [(t.start / SECOND, t.end / SECOND) for t in found["talk"]] == [(2, 6), (7, 12)]


def test_more_speakers_than_windows(talk: Path) -> None:
    short = turns(("A", 0, 0.5), ("B", 0.1, 0.4), ("C", 0.2, 0.3))
    figures, found = evaluate_meetings(
        GIVEN, [Meeting("talk", talk, short)], True, lambda meeting: meeting.speakers
    )
    assert len(found["talk"]) == 1 and figures["missed_percent"] == pytest.approx(100 * 0.4 / 0.9)


def test_turns_and_regions_beyond_the_end(talk: Path, warnings: pytest.LogCaptureFixture) -> None:
    late = [*TALK[:2], *turns(("A", 13, 20), ("B", 18, 19))]
    regions = [Region(SECOND, 14 * SECOND), Region(15 * SECOND, 30 * SECOND)]
    meetings = [Meeting("talk", talk, late, regions), Meeting("whole", talk, late)]
    figures, _ = evaluate_meetings(FINDS, meetings)
    assert figures["by_recording"]["talk"]["speech_seconds"] == 5 + 6 + 1 + 1
    assert figures["by_recording"]["whole"]["speech_seconds"] == 15
    assert warnings.messages == [
        "talk: its UEM ends at 30 s, clipped to 16 s",
        "talk: 2 turns end after the recording's end at 16 s, clipped",
        "whole: 2 turns end after the recording's end at 16 s, clipped",
    ]


def test_a_rounded_end_is_not_beyond(talk: Path, warnings: pytest.LogCaptureFixture) -> None:
    rounded = [Region(0, 16 * SECOND + 100)]
    meeting = Meeting("talk", talk, [*TALK[:2], *turns(("A", 13, 16.005))], rounded)
    evaluate_meetings(FINDS, [meeting])
    assert not warnings.messages


def test_overlapping_turns_of_one_speaker(talk: Path, warnings: pytest.LogCaptureFixture) -> None:
    doubled = [*TALK, *turns(("A", 5, 6), ("B", 8, 9), ("B", 12, 12.5))]
    figures, _ = evaluate_meetings(FINDS, [Meeting("talk", talk, doubled)])
    assert figures["speech_seconds"] == 15 and figures["missed_percent"] == 0.0
    assert warnings.messages == ["talk: 3 turns overlap others of the same speaker, merged"]


def test_without_a_turn(talk: Path, warnings: pytest.LogCaptureFixture) -> None:
    meetings = [Meeting("talk", talk, TALK), Meeting("silent", talk, [])]
    figures, _ = evaluate_meetings(FINDS, meetings)
    assert warnings.messages == ["silent: no turn in the reference"]
    assert figures["false_alarm_percent"] == pytest.approx(100.0)
    assert figures["by_recording"]["silent"]["der_percent"] is None
    _, found = evaluate_meetings(FINDS, meetings, speakers=lambda m: m.speakers)
    assert found["talk"] and not found["silent"]


def test_recordings_that_cannot_be_read(talk: Path, warnings: pytest.LogCaptureFixture) -> None:
    (talk.parent / "text.wav").write_text("no audio" * 100)
    write_audio(talk.parent / "zero.wav", np.zeros(SECOND, np.float32))  # found when decoded
    bad = [Meeting(name, talk.parent / f"{name}.wav", TALK) for name in ("text", "zero", "gone")]
    figures, found = evaluate_meetings(FINDS, [*bad, Meeting("talk", talk, TALK)])
    assert (figures["recordings"], figures["skipped_recordings"]) == (1, 3)
    assert list(found) == ["talk"]
    skipped = [line.partition(":")[0] for line in warnings.messages]
    assert skipped == ["skipped text", "skipped gone", "skipped zero"]
    with pytest.raises(DataError, match="none that can be read"):
        evaluate_meetings(FINDS, bad)


def test_a_uem_of_another_recording(talk: Path) -> None:
    meeting = Meeting("talk", talk, TALK, [Region(20 * SECOND, 30 * SECOND)])
    with pytest.raises(DataError, match="a UEM up to 30 s, none of it in the recording"):
        evaluate_meetings(FINDS, [meeting])
