"""`joint evaluate transcript`: figures by hand, and files that do not fit."""

import json
from pathlib import Path

import pytest
from support import Command, Refused

from joint.conversation.turns import Turn, write_turns

SECOND = 16_000


def turn(who: str, start: float, end: float, text: str = "") -> Turn:
    return Turn(who, round(start * SECOND), round(end * SECOND), text)


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Ten words of two people, one after the other, and a recording of one."""
    path = tmp_path / "reference.json"
    talk = [turn("Ann", 0, 4, "One two three!"), turn("Ben", 4, 8, "four"), turn("Ann", 8, 9, "5")]
    write_turns(path, {"talk": talk, "alone": [turn("Ben", 0, 5, "a b c d e")]})
    return path


def test_figures_by_hand(reference: Path, joint_command: Command, tmp_path: Path) -> None:
    found, result = tmp_path / "found.stm", tmp_path / "figures.json"
    talk = [turn("x", 0, 4, "one two tree"), turn("Ben", 4, 8, "four"), turn("x", 8, 9, "five")]
    write_turns(found, {"talk": talk, "alone": [turn("Ben", 0, 4, "a b c d")]})
    outcome = joint_command(
        "evaluate", "transcript", found, "--reference", reference, "--json", result
    )
    assert outcome.code == 0 and "cp_word_error_percent" in outcome.out, outcome
    figures = json.loads(result.read_text())
    # "tree", and "e" is missing; by name all four words of Ann too, in place of which x has as many
    assert figures["words"] == 10
    assert figures["cp_word_error_percent"] == pytest.approx(20.0)
    assert figures["named_word_error_percent"] == pytest.approx(100 * (4 + 4 + 1) / 10)
    assert figures["der_percent"] == pytest.approx(100 * 1 / 14)
    assert figures["recordings"] == 2
    # a recording that the hypothesis lacks is all deletions
    write_turns(found, {"alone": [turn("Ben", 0, 5, "a b c d e")]})
    joint_command("evaluate", "transcript", found, "--reference", reference, "--json", result)
    figures = json.loads(result.read_text())
    assert figures["cp_word_error_percent"] == figures["named_word_error_percent"] == 50.0


def test_what_is_refused(reference: Path, refused: Refused, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    write_turns(found, {"other": [turn("x", 0, 1, "a")]})
    common = ("evaluate", "transcript", found, "--reference")
    assert "recording other" in refused(*common, reference)
    assert "gone.json" in refused(*common, tmp_path / "gone.json")
    silent = tmp_path / "silent.rttm"
    write_turns(silent, {"other": [turn("x", 0, 1)]})
    assert "no words" in refused(*common, silent)
    # nor are turns without words a transcript in which nobody says anything
    silent.replace(tmp_path / "reference.rttm")
    line = refused("evaluate", "transcript", tmp_path / "reference.rttm", "--reference", reference)
    assert "reference.rttm" in line and "no words" in line
