"""Pronunciations: the lexicon's first, then the dictionary's, then a guess."""

from pathlib import Path

import pytest

from joint.errors import DataError
from joint.text.pronunciation import (
    ARPABET,
    IPA,
    in_arpabet,
    pronounced,
    read_lexicon,
    words_of,
)


def test_words() -> None:
    assert words_of("DON'T stop, Anna’s café -- (2 o'clock)!") == [
        "don't",
        "stop",
        "anna's",
        "café",
        "2",
        "o'clock",
    ]


def test_lexicon(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("A\tAH0\nA\tEY0\nA AH1\nCAT\tK_B AE1_I T_E\n")
    lexicon = read_lexicon(path)
    assert lexicon == {"a": [("AH",), ("EY",)], "cat": [("K", "AE", "T")]}


@pytest.mark.parametrize("line, found", [("CAT\tK QQ T", "the phone QQ"), ("CAT", "no phone")])
def test_damaged_lexicons(tmp_path: Path, line: str, found: str) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(f"A\tAH0\n{line}\n")
    with pytest.raises(DataError, match=f"lexicon.txt:2: found {found}"):
        read_lexicon(path)


def test_each_source_in_its_turn() -> None:
    words = ["question", "cat", "speechocean"]
    found = pronounced(words, {"cat": [("D", "AO", "G")]})
    assert found["cat"] == [("D", "AO", "G")]
    assert ("K", "W", "EH", "S", "CH", "AH", "N") in found["question"]
    assert found["speechocean"][0][:4] == ("S", "P", "IY", "CH")


def test_ipa_becomes_arpabet() -> None:
    assert {phone for phones in IPA.values() for phone in phones} == set(ARPABET)
    assert in_arpabet("k w ɛ s tʃ ə n") == ("K", "W", "EH", "S", "CH", "AH", "N")
    assert in_arpabet("f aɪɚ") == ("F", "AY", "ER")
    assert in_arpabet("y") == ()  # no such vowel in English
