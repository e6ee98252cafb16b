"""What is written becomes what is spoken."""

import sys
from pathlib import Path

import pytest

from joint.errors import DataError, JointError
from joint.text import numerals
from joint.text.folding import fold
from joint.text.normalization import LONGEST_WORD, MOST_WORDS, spoken_words, tokens_of
from joint.text.pronunciation import words_of

pytest.importorskip("num2words")
pytest.importorskip("pocketsphinx")

SPOKEN = {
    # numbers
    "0 7 42 101": "zero seven forty two one hundred and one",
    "1,234,567 people": "one million two hundred and thirty four thousand five hundred and sixty "
    "seven people",
    "3.14 and .5 and 10.05": "three point one four and point five and ten point zero five",
    "version 1.2.10": "version one point two point ten",
    "agent 007": "agent zero zero seven",
    "1234567890123456": "one two three four five six seven eight nine zero one two three four five "
    "six",
    "It is -5, not +5 or −3.": "it is minus five not plus five or minus three",
    "10-15, 3–7, 2 - 3": "ten to fifteen three to seven two to three",
    "5 - 3 = 2": "five minus three equals two",
    "COVID-19, a well-known MP3": "covid nineteen a well known m. p. three",
    "1st 2nd 3rd 21st 100th": "first second third twenty first one hundredth",
    "1/2, ¾, 1½ cups, 24/7": "one half three quarters one and a half cups twenty four seven",
    "555-123-4567 or +44 20 79": "five five five one two three four five six seven or four four "
    "two zero seven nine",
    # years
    "born in 1984, died in 2005": "born in nineteen eighty four died in two thousand and five",
    "1905–1945": "nineteen oh five to nineteen forty five",
    "the 1990s and the '80s": "the nineteen nineties and the eighties",
    "1500 people": "one thousand five hundred people",
    # money, measures
    "$5 $1 £1.50 €2 5€ ¥100": "five dollars one dollar one pound and fifty pence two euros five "
    "euros one hundred yen",
    "~$3/person": "about three dollars per person",
    "$0.01, $0.99, $3.00, -$5": "one cent ninety nine cents three dollars minus five dollars",
    "$3.2 million, £5bn, $4k": "three point two million dollars five billion pounds four thousand "
    "dollars",
    "5% or 2.5 %": "five percent or two point five percent",
    "1 km, 5km, 20°C, 6 ft, 100 km/h, 2 m²": "one kilometer five kilometers twenty degrees celsius "
    "six feet one hundred kilometers per hour two square meters",
    "5 ft. tall": "five feet tall",
    # times and dates
    "7:30 pm, 7 p.m. or 7PM": "seven thirty p. m. seven p. m. or seven p. m.",
    "at 7:05, 12:00 and 19:45": "at seven oh five twelve o'clock and nineteen forty five",
    "10am-5pm": "ten a. m. to five p. m.",
    "a ratio of 4:3": "a ratio of four to three",
    "March 3, 2024": "march third twenty twenty four",
    "14 March 2024, the 14th of March": "the fourteenth of march twenty twenty four the fourteenth "
    "of march",
    "2024-03-14 3/14/2024 14/3/2024": "march fourteenth twenty twenty four " * 3,
    "May 2020, Jan. 5": "may twenty twenty january fifth",
    # abbreviations
    "Dr. Smith met Mr and Mrs. Jones": "doctor smith met mister and missus jones",
    "5 Elm St. in St. Louis": "five elm street in saint louis",
    "cats, dogs, etc., e.g. mine, i.e. ours": "cats dogs et cetera for example mine that is ours",
    "No. 5 vs. no. I agree": "number five versus no i agree",
    "see Fig. 3, pp. 3-7": "see figure three pages three to seven",
    "World War II, Henry VIII": "world war two henry the eighth",
    # acronyms
    "the BBC and NASA": "the bbc and nasa",
    "the IAEA, GPU, NYC": "the i. a. e. a. g. p. u. n. y. c.",
    "the US and us, IT and it": "the u. s. and us i. t. and it",
    "two GPUs of the U.S.A.": "two g. p. u's of the u. s. a.",
    "HE SAID IT TO US": "he said it to us",
    "J. R. Smith of the U.S army": "j. r. smith of the u. s. army",
    # symbols, quotes, accents
    "you & me @ 3 + 4 = 7": "you and me at three plus four equals seven",
    "#1 #joy C#": "number one hashtag joy c hash",
    "anna@example.com, https://example.com": "anna at example dot com example dot com",
    "• _one_ **two**\n* three\n# four\n-----": "one two three four",
    "“Café” ‘naïve’ Œuvre Łódź ﬁn": "cafe naive oeuvre lodz fin",
    "don’t, 'tis, rock 'n' roll, 'quoted'": "don't 'tis rock 'n roll quoted",
    "soft\u00adware\u200b and\u00a0more": "software and more",
}


@pytest.mark.parametrize("written", SPOKEN)
def test_spoken_words(written: str) -> None:
    assert spoken_words(written) == SPOKEN[written].split()


def test_transcripts_are_their_words(embedded_corpus: Path) -> None:
    lines = (embedded_corpus / "train" / "text").read_text().splitlines()
    for text in (line.partition("\t")[2] for line in lines):
        assert spoken_words(text) == words_of(text)


def test_pauses_and_ends_have_their_places() -> None:
    text = "Wait – Dr. “Who” left (at 3.5)... He's gone;\nso"
    tokens = tokens_of(text)
    assert " ".join(token.text for token in tokens) == (
        "wait , doctor who left , at three point five , . he's gone . so ."
    )
    assert [text[t.start : t.end] for t in tokens][:4] == ["Wait", "–", "Dr.", "Who"]
    assert {text[t.start : t.end] for t in tokens if t.text in ("three", "point")} == {"3.5"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("He met Mr. Smith of Acme Inc. yesterday.", 1),
        ("It costs 3.50 in the U.S. today. Is it? Yes!", 3),
        ("Cats, dogs, etc. Then we left at 7 p.m. We slept", 3),
        ('"Stop." He ran... away... Then nothing', 3),
        ("first line\nsecond line\r\n\n third; fourth", 4),
        ("Hello there.How are you?!", 2),
    ],
)
def test_ends_of_sentences(text: str, count: int) -> None:
    assert sum(token.text == "." for token in tokens_of(text)) == count


def test_a_lexicon_decides_on_acronyms() -> None:
    assert spoken_words("the XQZT", lambda word: word == "xqzt") == ["the", "xqzt"]
    assert spoken_words("the NASA", lambda word: False) == ["the", "nasa"]
    assert spoken_words("the BBC", lambda word: False) == ["the", "b.", "b.", "c."]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty text"),
        (" \n\t", "an empty text"),
        ("... !? -- ()", "no word"),
        ("well, привет мир", "'привет' with a character of another alphabet .cyrillic"),
        ("hello 你好", "'你好' with a character of another alphabet"),
        ("مرحبا", "'مرحبا' with a character of another alphabet .arabic"),
        ("room ٣", "'٣' with a character of another alphabet"),
        ("so 😀 happy", "'😀' with a symbol without a name in speech .grinning"),
        ("a b\x07c", r"'b\\x07c' with a control character .u\+0007"),
        ("a\x00", r"'a.x00' with a control character"),
        ("x \ud800", r"'.ud800' with an unknown character"),
        ("word " * 5000, "5,000 words; expected 2,000 words or fewer"),
        ("1" * 5000, "more than 2,000 spoken words"),
        ("," * 200_000, "200,000 characters"),
        ("a " + "b" * (LONGEST_WORD + 1), "a word of 51 letters, 'bbbbbbbbbbbbbbbbbbbb…'"),
    ],
)
def test_what_cannot_be_spoken(text: str, found: str) -> None:
    with pytest.raises(DataError, match=f"found {found}") as told:
        tokens_of(text)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_the_longest_text() -> None:
    assert len(spoken_words("word " * MOST_WORDS)) == MOST_WORDS


def test_folding_keeps_places() -> None:
    text = "Ça  ﬁts: ½"
    plain, origins = fold(text)
    assert plain == "Ca fits: 1/2" and len(origins) == len(plain)
    assert [text[i] for i in origins] == list("Ça ﬁﬁts: ½½½")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    numerals._spelled.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "num2words", None)
    assert spoken_words("no numbers") == ["no", "numbers"]
    with pytest.raises(JointError, match=r"num2words: found no such package.*phones"):
        spoken_words("7 numbers")
