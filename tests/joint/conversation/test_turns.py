"""Turns come back from every kind of file as they were; malformed lines are named."""

import json
from pathlib import Path

import numpy as np
import pytest

from joint.conversation.turns import Turn, format_of, read_turns, write_turns
from joint.errors import DataError


def sessions() -> dict[str, list[Turn]]:
    """Two recordings with turns on odd samples, as far as a day into them."""
    random = np.random.default_rng(0)
    starts = np.sort(random.integers(0, 24 * 3600 * 16_000, (2, 50)), axis=1)
    return {
        name: [
            Turn(f"p{i % 3}", int(start), int(start) + 1 + 7 * i, f"word{i} and more")
            for i, start in enumerate(row)
        ]
        for name, row in zip(("first", "second"), starts, strict=True)
    }


@pytest.mark.parametrize("ending", [".json", ".stm", ".rttm"])
def test_there_and_back(ending: str, tmp_path: Path) -> None:
    path, turns = tmp_path / f"turns{ending}", sessions()
    shuffled = {name: each[::-1] for name, each in turns.items()}
    write_turns(path, shuffled)
    if ending == ".rttm":  # has no words
        turns = {n: [Turn(t.speaker, t.start, t.end) for t in each] for n, each in turns.items()}
    assert read_turns(path) == turns
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_as_others_write_and_read_them(tmp_path: Path) -> None:
    turn = {"talk": [Turn("anna", 16_000, 40_000, "good  morning")]}
    for ending in (".rttm", ".stm", ".json"):
        write_turns(tmp_path / f"t{ending}", turn)
    rttm = "SPEAKER talk 1 1.00000 1.50000 <NA> <NA> anna <NA> <NA>\n"
    assert (tmp_path / "t.rttm").read_text() == rttm
    assert (tmp_path / "t.stm").read_text() == "talk 1 anna 1.00000 2.50000 good morning\n"
    segment = json.loads((tmp_path / "t.json").read_text())[0]
    assert segment == {
        "session_id": "talk",
        "speaker": "anna",
        "start_time": 1.0,
        "end_time": 2.5,
        "words": "good  morning",
    }
    path = tmp_path / "o.rttm"
    path.write_text(
        ";; comment\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown b <NA> <NA>\n\n"
        "SPEAKER talk 1 3 .5 <NA> <NA> b <NA>\nSPEAKER talk 1 1.0 1 <NA> <NA> a <NA> <NA>\n"
    )
    assert read_turns(path) == {"talk": [Turn("a", 16_000, 32_000), Turn("b", 48_000, 56_000)]}
    path = tmp_path / "o.stm"
    path.write_text(";; c\ntalk A a 0 1 <o,f0,female> hello <unk>\ntalk A b 1 2\n")
    assert read_turns(path)["talk"] == [
        Turn("a", 0, 16_000, "hello <unk>"),
        Turn("b", 16_000, 32_000),
    ]
    path = tmp_path / "o.json"
    times = {"start_time": "0.5", "end_time": "1.25"}
    path.write_text(json.dumps([{"session_id": 7, "speaker": "P05", "words": "hi", **times}]))
    assert read_turns(path) == {"7": [Turn("P05", 8000, 20_000, "hi")]}


def test_names_with_blanks(tmp_path: Path) -> None:
    turns = {"a talk": [Turn("Zoë van B", 0, 9, "x")]}
    write_turns(tmp_path / "t.json", turns)
    assert read_turns(tmp_path / "t.json") == turns
    write_turns(tmp_path / "t.stm", turns)
    assert read_turns(tmp_path / "t.stm") == {"a_talk": [Turn("Zoë_van_B", 0, 9, "x")]}
    two = {"t": [Turn("A B", 0, 9), Turn("A_B", 9, 12)]}
    with pytest.raises(DataError, match="spaces alone"):
        write_turns(tmp_path / "two.rttm", two)
    assert not (tmp_path / "two.rttm").exists()


def test_nobody_speaks(tmp_path: Path) -> None:
    for ending in (".rttm", ".stm", ".json"):
        write_turns(tmp_path / f"t{ending}", {"talk": []})
        assert read_turns(tmp_path / f"t{ending}") == {}


@pytest.mark.parametrize(
    "name, content, found",
    [
        ("t.rttm", "SPEAKER t 1 0 1 <NA> <NA> a\nSPEAKER t 1 0 x <NA> <NA> a", "2: found time 'x'"),
        ("t.rttm", "SPEAKER t 1 0 1", "5 fields"),
        ("t.rttm", "talk 1 anna 0 1 words of an STM", "from 'talk' on"),
        ("t.rttm", "SPEAKER t 1 2 0 <NA> <NA> a", "2 to 2 s"),
        ("t.rttm", "SPEAKER t 1 -1 3 <NA> <NA> a", "-1 to 2 s"),
        ("t.rttm", "SPEAKER t 1 nan 3 <NA> <NA> a", "time 'nan'"),
        ("t.stm", "t 1 a 0 1e305 hi", "time '1e305'"),
        ("t.stm", "t 1 a 0", "4 fields"),
        ("t.stm", "t 1 a 3 2 words", "3 to 2 s"),
        ("t.json", "[", "no readable JSON"),
        ("t.json", "[" * 100_000, "no readable JSON"),
        ("t.json", '{"session_id": "t"}', "dict"),
        ("t.json", "[3]", "segment 1: found int"),
        ("t.json", '[{"session_id": "t", "start_time": 0, "end_time": 1}]', "speaker None"),
        ("t.json", '[{"session_id": "t", "speaker": "a", "start_time": 0}]', "time None"),
        (
            "t.json",
            '[{"session_id": "t", "speaker": "a", "start_time": 0, "end_time": 1, "words": [1]}]',
            "words",
        ),
        ("t.txt", "", "ending '.txt'"),
    ],
)
def test_malformed(name: str, content: str, found: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError) as error:
        read_turns(path)
    assert str(path) in str(error.value) and found in str(error.value)


def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "t.rttm").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.rttm", tmp_path / "t.rttm"):
        with pytest.raises(DataError):
            read_turns(path)
    with pytest.raises(DataError, match="ending"):
        format_of(tmp_path / "turns.csv")
    with pytest.raises(DataError, match="0 s on"):
        Turn("a", 5, 5)


def test_words_may_hold_line_separators(tmp_path: Path) -> None:
    path = tmp_path / "x.stm"
    path.write_text("a 1 Anna 0.0 1.0 one\u2028two\u0085three\r\na 1 Ben 1.0 2.0 four\n")
    first, second = read_turns(path)["a"]
    assert first.text.split() == ["one", "two", "three"] and second.speaker == "Ben"
