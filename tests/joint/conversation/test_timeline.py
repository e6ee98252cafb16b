"""The picture of who speaks when: the same for the same turns, words where they fit."""

from pathlib import Path

import pytest

from joint.conversation.timeline import draw_timeline, fitting
from joint.conversation.turns import Turn
from joint.errors import DataError

SECOND = 16_000


def talk(people: int) -> list[Turn]:
    return [
        Turn(f"person {i % people}", i * SECOND, (i + 2) * SECOND, f"turn{i} costs $5 & $6")
        for i in range(2 * people)
    ]


@pytest.mark.parametrize("people", [1, 6])
def test_everybody_is_named_and_quoted(people: int, tmp_path: Path) -> None:
    path = tmp_path / "talk.svg"
    draw_timeline(path, {"reference": talk(people), "estimate": talk(people)[::-1][:-1]})
    drawn = path.read_text()
    assert drawn.count(">person 0<") == 2 and f">person {people - 1}<" in drawn
    assert drawn.count("turn1 costs") == 2 and drawn.count("turn0 costs") == 1
    assert "$5 &amp;" in drawn and ">reference<" in drawn and ">estimate<" in drawn


def test_the_same_bytes(tmp_path: Path) -> None:
    for ending in (".svg", ".png"):
        paths = [tmp_path / f"{name}{ending}" for name in ("a", "b")]
        for path in paths:
            draw_timeline(path, {"talk": talk(3)})
        assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(list(tmp_path.iterdir())) == 4


def test_nobody_speaks(tmp_path: Path) -> None:
    draw_timeline(tmp_path / "silence.svg", {"silence": []})
    assert ">silence<" in (tmp_path / "silence.svg").read_text()


def test_another_ending(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\.svg, \.png"):
        draw_timeline(tmp_path / "talk.gif", {"talk": talk(2)})
    assert not list(tmp_path.iterdir())


def test_words_that_fit() -> None:
    text = "who would have thought that anybody could say so much in no time at all"
    assert fitting(text, 20.0) == text
    lines = fitting(text, 1.2).splitlines()
    assert 1 < len(lines) <= 3 and lines[-1].endswith("…") and max(map(len, lines)) <= 22
    assert fitting(text, 0.05) == "" and fitting("  ", 5.0) == ""
