"""Texts as sentences of phones."""

import random
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from joint.data.phones import SILENCE
from joint.errors import CheckpointError, DataError, JointError
from joint.text import pronunciation
from joint.text.normalization import spoken_words
from joint.text.pronunciation import INVENTORY, Pronunciation, dictionary
from joint.text.reading import (
    SENTENCE_PHONES,
    SENTENCE_WORDS,
    Sentence,
    phone_indices,
    read_aloud,
)

pytest.importorskip("num2words")
pytest.importorskip("pocketsphinx")
pytest.importorskip("phonemizer")


def split(names: str) -> tuple[str, ...]:
    return tuple(names.split())


def phones(text: str, lexicon: dict[str, list[Pronunciation]] | None = None) -> str:
    return " ".join(" ".join(sentence.phones) for sentence in read_aloud(text, lexicon))


def test_sentences() -> None:
    assert read_aloud(" “Hello, Anna!”  He left at 3. ") == [
        Sentence(
            "“Hello, Anna!”",
            ("hello", "anna"),
            split("SIL HH AH L OW SIL AE N AH SIL"),
        ),
        Sentence(
            "He left at 3.",
            ("he", "left", "at", "three"),
            split("SIL HH IY L EH F T AE T TH R IY SIL"),
        ),
    ]


@pytest.mark.parametrize("mark", [",", ":", " –", " --", "—", " - ", " (", "] ", "..."])
def test_punctuation_pauses(mark: str) -> None:
    assert phones(f"cat{mark} dog") == "SIL K AE T SIL D AO G SIL"


@pytest.mark.parametrize("mark", [" ", "-", " '", ' "', "/", " *", "_"])
def test_other_marks_do_not(mark: str) -> None:
    assert phones(f"cat{mark}dog") == "SIL K AE T D AO G SIL"


def test_each_source_of_pronunciations_in_its_turn() -> None:
    lexicon: dict[str, list[Pronunciation]] = {
        "cat": [("D", "AO", "G"), ("K", "AE", "T")],
        "łukasz": [("W", "UW", "K", "AH", "SH")],
        "мир": [("M", "IH", "R")],
    }
    assert phones("Cat", lexicon) == "SIL D AO G SIL"
    assert phones("Łukasz", lexicon) == phones("Lukasz", lexicon) == "SIL W UW K AH SH SIL"
    assert phones("Łukasz's cat's", lexicon) == "SIL W UW K AH SH IH Z D AO G Z SIL"
    assert phones("question", lexicon) == "SIL K W EH S CH AH N SIL"
    assert phones("speechocean").startswith("SIL S P IY CH")
    assert "SIL EY F AO R SIL" in phones("A4, a B") and phones("a B") == "SIL AH B IY SIL"


def test_transcripts_have_the_phones_of_the_dictionary(embedded_corpus: Path) -> None:
    lines = (embedded_corpus / "train" / "text").read_text().splitlines()[:60]
    for text in (line.partition("\t")[2] for line in lines):
        known = [dictionary()[w][0] for w in text.lower().split() if w in dictionary()]
        (sentence,) = read_aloud(text)
        if len(known) == len(sentence.words):
            assert sentence.phones[1:-1] == tuple(p for word in known for p in word)


def test_unpronounceable_words_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pronunciation, "grapheme_to_phoneme", lambda words: {})
    with pytest.raises(DataError, match="text 'a zwrrk and blorf': found 'zwrrk' without"):
        read_aloud("a zwrrk and blorf")


def test_espeak_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def guess(words: Iterable[str]) -> dict[str, list[Pronunciation]]:
        asked.append(sorted(words))
        return {word: [("B",)] for word in asked[-1]}

    monkeypatch.setattr(pronunciation, "grapheme_to_phoneme", guess)
    read_aloud("Blorf, zwrrk. The blorf's dog!\nZwrrk 7")
    assert asked == [["blorf", "blorf's", "zwrrk"]]


LONG = (
    "When the man who had lived in the old house by the river for many years finally came back, "
    "his dog ran out of the gate and jumped up and everybody laughed because it had torn the coat "
    "that the man had bought in the city"
)


def test_long_sentences_are_split() -> None:
    at_comma = read_aloud(LONG)
    assert [s.text[:12] for s in at_comma] == ["When the man", "his dog ran "]
    at_conjunction = read_aloud(LONG.replace(",", "").replace("When ", ""))
    assert [s.text.split()[0] for s in at_conjunction][1:] == ["and"]
    nowhere = read_aloud("cat " * 100)
    assert [len(s.words) for s in nowhere] == [25, 25, 25, 25]
    assert all(len(s.words) == 8 for s in read_aloud("internationalization " * 32))


@pytest.mark.parametrize("text", [LONG * 20, "w" * 30 + " 7,777,777 " * 50, "1" * 90, "w. " * 300])
def test_sentences_are_bounded_and_complete(text: str) -> None:
    found = read_aloud(text)
    assert all(len(s.words) <= SENTENCE_WORDS for s in found)
    assert all(len(s.phones) <= SENTENCE_PHONES or len(s.words) == 1 for s in found)
    assert sum(len(s.words) for s in found) == len(spoken_words(text))
    if text != "1" * 90:  # both parts of a number show all of it
        assert "".join("".join(s.text for s in found).split()) == "".join(text.split())


def test_indices_in_a_checkpoint() -> None:
    (sentence,) = read_aloud("cat")
    found = phone_indices(sentence.phones, INVENTORY, "c.pt")
    assert [INVENTORY[i] for i in found.tolist()] == ["SIL", "K", "AE", "T", "SIL"]
    with pytest.raises(CheckpointError, match=r"c.pt: found no phone AE, T among its 2 phones"):
        phone_indices(sentence.phones, ("SIL", "K"), "c.pt")


PARTS = split(
    "the Dr. St. $ 5 1,234 3.14 % pm 7:30 p.m. No. A I U.S. e.g. etc. -5 ½ café 1/0 0/0 13/13/2024 "
    "99:99 ' '' -- – … ... ( ) [ ] # @ & + = II XIV NASA's GPUs 'tis 1st 0th 111111111111111th "
    "1990s 0s 's 00's http:// x.y.z .5 5. 1.2. £.5 £5.00 £0.00 €1,23 Jan 32 May Mar. 24:00 25:00 "
    "0:00 a's s's s' ² µ"
)
LETTERS = " aAbBzZ19.,'-$%:/"


def strings(seed: int) -> Iterator[str]:
    """Strings of all kinds: any character, those of a keyboard, parts of ordinary texts."""
    chosen = random.Random(seed)
    kinds: dict[str, list[str]] = {}
    for code in range(0, 0x20000, 3):
        kinds.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    for _ in range(150):
        size = range(chosen.randint(0, 40))
        yield "".join(chosen.choice(chosen.choice(list(kinds.values()))) for _ in size[:3])
        yield "".join(chr(chosen.randint(32, 126)) for _ in size)
        yield chosen.choice(["", " ", "\n"]).join(chosen.choice(PARTS) for _ in size)
        yield "".join(chosen.choice(LETTERS) for _ in size)
        yield "".join(chosen.choice([*PARTS, " ", *kinds["Po"], *kinds["Mn"]]) for _ in size)


@pytest.mark.parametrize("seed", range(3))
def test_any_text_is_read_or_refused(seed: int) -> None:
    read = 0
    for text in strings(seed):
        try:
            found = read_aloud(text)
        except JointError as error:
            assert "\n" not in str(error)
            continue
        read += 1
        assert found
        for sentence in found:
            assert sentence.text and sentence.words, text
            assert set(sentence.phones) - {SILENCE} and set(sentence.phones) <= set(INVENTORY), text
            assert sentence.phones[0] == sentence.phones[-1] == SILENCE, text
            assert (SILENCE, SILENCE) not in pairwise(sentence.phones), text
    assert 200 < read < 750
