"""Diarization error rates, worked by hand, and equal to those of pyannote.metrics on files."""

import random
from pathlib import Path

import pytest
from pyannote.core import Annotation, Segment, Timeline
from pyannote.database.util import load_rttm, load_uem
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

from joint.conversation.turns import Turn, read_turns, write_turns
from joint.errors import DataError
from joint.inspection.speech import Region
from tasks.diarization.evaluate import PARTS, evaluate_diarization, merged
from tasks.diarization.uem import read_uem

SECOND = 16_000


def turns(*given: tuple[str, float, float]) -> list[Turn]:
    """Speaker, start and end in seconds."""
    return [Turn(who, round(start * SECOND), round(end * SECOND)) for who, start, end in given]


def seconds(
    reference: list[Turn], estimate: list[Turn], collar: float = 0.0, skip_overlap: bool = False
) -> list[float]:
    """Speech, missed, false alarm, confusion."""
    figures = evaluate_diarization({"a": reference}, {"a": estimate}, collar, skip_overlap)
    speech = figures["speech_seconds"]
    parts = [figures[name] * speech / 100 for name in PARTS]
    assert figures["der_percent"] == pytest.approx(100 * sum(parts) / speech)
    return [speech, *parts]


TWO = turns(("A", 0, 10), ("B", 10, 20))
CROSSED = turns(("A", 0, 10), ("B", 8, 14))


def test_names_do_not_matter() -> None:
    assert seconds(TWO, turns(("2", 0, 10), ("1", 10, 20))) == [20, 0, 0, 0]


@pytest.mark.parametrize(
    "estimate, expected",
    [
        # the change of speakers comes two seconds late
        (turns(("x", 0, 12), ("y", 12, 20)), [20, 0, 0, 2]),
        # two seconds missed, three invented after the end
        (turns(("x", 0, 8), ("y", 10, 23)), [20, 2, 3, 0]),
        # one person for two
        (turns(("x", 0, 20)), [20, 0, 0, 10]),
        # three for two
        (turns(("x", 0, 10), ("y", 10, 14), ("z", 14, 20)), [20, 0, 0, 4]),
        # a second speaker where there is none
        (turns(("x", 0, 10), ("y", 10, 20), ("y", 5, 7)), [20, 0, 2, 0]),
        # the same speech as two overlapping turns of one speaker
        (turns(("x", 0, 6), ("x", 4, 10), ("y", 10, 20)), [20, 0, 0, 0]),
        (turns(), [20, 20, 0, 0]),
    ],
)
def test_one_speaker_at_a_time(estimate: list[Turn], expected: list[float]) -> None:
    assert seconds(TWO, estimate) == pytest.approx(expected)


def test_overlap() -> None:
    one_at_a_time = turns(("x", 0, 9), ("y", 9, 14))
    assert seconds(CROSSED, one_at_a_time) == [16, 2, 0, 0]
    assert seconds(CROSSED, CROSSED) == [16, 0, 0, 0]
    # both where both speak, but one of them confused
    confused = turns(("x", 0, 10), ("z", 8, 9), ("y", 9, 14))
    assert seconds(CROSSED, confused) == pytest.approx([16, 0, 0, 1])
    assert seconds(CROSSED, one_at_a_time, skip_overlap=True) == [12, 0, 0, 0]


def test_the_mapping_is_the_best_of_all() -> None:
    """x shares most with A, but A with y and B with x explain more."""
    reference = turns(("A", 0, 9), ("B", 9, 14))
    estimate = turns(("x", 0, 5), ("y", 5, 9), ("x", 9, 14))
    assert seconds(reference, estimate) == pytest.approx([14, 0, 0, 5])


def test_collar() -> None:
    late = turns(("x", 0.2, 10.2), ("y", 10.2, 20.1))
    assert seconds(TWO, late, collar=0.5) == pytest.approx([19, 0, 0, 0])
    assert seconds(TWO, late) == pytest.approx([20, 0.2, 0.1, 0.2])
    later = turns(("x", 0, 10.5), ("y", 10.5, 20))
    assert seconds(TWO, later, collar=0.5) == pytest.approx([19, 0, 0, 0.25])
    # a turn shorter than its collars is not scored, nor is speech during it
    short = turns(("A", 0, 10), ("B", 3, 3.4))
    assert seconds(short, turns(("x", 0, 10)), collar=0.5) == pytest.approx([8.6, 0, 0, 0])


def test_jaccard() -> None:
    """12 of 20 s of A with x: 8 of both, 4 of x alone, 8 of A alone; B has nobody."""
    figures = evaluate_diarization(
        {"a": turns(("A", 0, 16), ("B", 30, 31))}, {"a": turns(("x", 8, 20))}
    )
    assert figures["jer_percent"] == pytest.approx((100 * (1 - 8 / 20) + 100) / 2)


def test_many_recordings_are_added_up() -> None:
    reference = {"long": TWO, "short": turns(("A", 0, 5)), "lost": turns(("C", 0, 5)), "none": []}
    estimate = {"long": turns(("x", 0, 12), ("y", 12, 20)), "short": turns(("A", 0, 4))}
    figures = evaluate_diarization(reference, {**estimate, "none": turns(("x", 0, 3))})
    assert figures["der_percent"] == pytest.approx(100 * (2 + 1 + 5 + 3) / 30)
    assert figures["missed_percent"] == pytest.approx(100 * 6 / 30)
    assert figures["confusion_percent"] == pytest.approx(100 * 2 / 30)
    assert figures["false_alarm_percent"] == pytest.approx(100 * 3 / 30)
    assert figures["number_right_percent"] == 50.0
    assert (figures["recordings"], figures["speech_seconds"]) == (4, 30)
    rows = figures["by_recording"]
    assert list(rows) == list(reference)
    assert rows["short"]["der_percent"] == rows["short"]["missed_percent"] == pytest.approx(20)
    assert rows["none"]["der_percent"] is None and rows["none"]["jer_percent"] is None
    assert [row["speakers"] for row in rows.values()] == [2, 1, 1, 0]
    assert [row["speakers_found"] for row in rows.values()] == [2, 1, 0, 1]


def test_only_the_scored_regions_count() -> None:
    estimate = turns(("x", 0, 12), ("y", 12, 40))
    scored = {"a": [Region(5 * SECOND, 11 * SECOND), Region(15 * SECOND, 25 * SECOND)]}
    figures = evaluate_diarization({"a": TWO}, {"a": estimate}, scored=scored)
    assert figures["speech_seconds"] == 11
    assert figures["confusion_percent"] == pytest.approx(100 * 1 / 11)
    assert figures["false_alarm_percent"] == pytest.approx(100 * 5 / 11)


def test_nothing_to_score() -> None:
    with pytest.raises(DataError, match="without speech"):
        evaluate_diarization({"a": []}, {"a": TWO})
    with pytest.raises(DataError, match="recording b"):
        evaluate_diarization({"a": TWO}, {"b": TWO})
    for collar in (-1.0, float("nan")):
        with pytest.raises(DataError, match="collar"):
            evaluate_diarization({"a": TWO}, {"a": TWO}, collar)


def test_turns_of_one_speaker_that_overlap_are_one() -> None:
    given = turns(("A", 8, 12), ("B", 5, 6), ("A", 0, 10), ("A", 11, 13), ("A", 13, 14))
    assert merged(given) == turns(("A", 0, 13), ("B", 5, 6), ("A", 13, 14))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Meetings of up to four speakers, with overlap, what was found in them, and a UEM."""
    folder, rng = tmp_path_factory.mktemp("scored"), random.Random(7)
    sessions: dict[str, dict[str, list[Turn]]] = {"reference": {}, "hypothesis": {}}
    lines = []
    for name in ("a", "b", "c"):
        for kind, people in (("reference", "ABCD"), ("hypothesis", "xyz")):
            drawn = [
                (who, start, start + rng.uniform(0.3, 4))
                for who in people
                for start in (rng.uniform(4 * i, 4 * i + 3) for i in range(8))
            ]
            sessions[kind][name] = merged(turns(*drawn))
        lines += [f"{name} 1 1.5 {rng.uniform(10, 15):.3f}\n", f"{name} 1 16.000 30.25\n"]
    for kind, found in sessions.items():
        write_turns(folder / f"{kind}.rttm", found)
    (folder / "all.uem").write_text("".join(lines))
    return folder


@pytest.mark.parametrize("collar", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("skip_overlap", [False, True])
@pytest.mark.parametrize("with_uem", [False, True])
def test_equal_to_pyannote_on_the_same_files(
    files: Path, collar: float, skip_overlap: bool, with_uem: bool
) -> None:
    reference, hypothesis = (files / f"{kind}.rttm" for kind in ("reference", "hypothesis"))
    scored = read_uem(files / "all.uem") if with_uem else None
    ours = evaluate_diarization(
        read_turns(reference), read_turns(hypothesis), collar, skip_overlap, scored
    )
    theirs = [kind(collar, skip_overlap) for kind in (DiarizationErrorRate, JaccardErrorRate)]
    regions, found = load_uem(files / "all.uem"), load_rttm(hypothesis)
    for name, known in load_rttm(reference).items():
        whole: Annotation = known.copy().update(found[name])
        end = whole.get_timeline().extent().end
        uem = regions[name] if with_uem else Timeline([Segment(0, end)])
        for metric in theirs:
            metric(known, found[name], uem=uem)
    errors, jaccard = theirs
    # times in files are rounded, to 10 µs by us and to 1 ms in the UEM
    assert ours["der_percent"] == pytest.approx(100 * abs(errors), abs=2e-3)
    assert ours["jer_percent"] == pytest.approx(100 * abs(jaccard), abs=2e-3)
    for name, part in PARTS.items():
        assert ours[name] == pytest.approx(100 * errors[part] / errors["total"], abs=2e-3)
    if not skip_overlap:
        assert ours["der_percent"] > 20  # there is something to compare
