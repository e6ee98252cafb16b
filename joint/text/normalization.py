"""English text as it is spoken: words, pauses and ends of sentences.

Numbers, dates, times, money, abbreviations, acronyms and symbols become words; no word has a
character other than letters, the apostrophe and, of a letter that is spoken by its name, a full
stop (`b.`).
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from joint.errors import DataError
from joint.text import dates, numerals
from joint.text.abbreviations import abbreviation, capitals, dotted, roman
from joint.text.folding import ENGLISH, fold, place_of
from joint.text.pronunciation import dictionary

MOST_WORDS = 2000
"""Spoken words of a text: about thirteen minutes."""
MOST_CHARACTERS = 50 * MOST_WORDS
LONGEST_WORD = 50
"""Letters of a word."""
PAUSE, STOP = ",", "."
"""What a `Token` is instead of a word: a pause within a sentence, its end."""

Known = Callable[[str], bool]
"""Whether a word in lower case has a pronunciation of its own."""


class Token(NamedTuple):
    """A word, PAUSE or STOP, and the characters `start` to `end` of the text that it comes from."""

    text: str
    start: int
    end: int


SYMBOLS = {
    "&": "and",
    "+": "plus",
    "=": "equals",
    "@": "at",
    "%": "percent",
    "°": "degrees",
    "§": "section",
    "¢": "cents",
    "µ": "micro",
    "²": "squared",
    "³": "cubed",
    "×": "times",
    "÷": "divided by",
    "±": "plus or minus",
    "−": "minus",
    "<": "less than",
    ">": "greater than",
    "≤": "at most",
    "≥": "at least",
    "≠": "is not",
    "≈": "about",
    "#": "hash",
} | {sign: names[1] for sign, names in numerals.CURRENCIES.items()}

_AMOUNT = r"[$£€¥₹]?\d"
_AFTER_NUMBER = r"(?:(?<=[\d%°])|(?<=[ap]m)|(?<=m\.))"
_FIXED: list[tuple[str, list[str]]] = [
    (r"(?<!\S)#+(?=\s)|([=#+~<>&@%$§°/-])\1{2,}", []),  # rulers, Markdown's headings
    (r"[-=]+>|<[-=]+|--+|[—()\[\]{}:,]+", [PAUSE]),
    (rf"{_AFTER_NUMBER}(?:-|\s?–\s?)(?={_AMOUNT})", ["to"]),
    (rf"(?<=\d)\s-\s(?={_AMOUNT}[^=]*=)", ["minus"]),
    (rf"(?<=\d)\s-\s(?={_AMOUNT})", ["to"]),
    (rf"(?<![\w.)])-(?=\.?{_AMOUNT})", ["minus"]),
    (r"–|(?<!\S)-(?!\S)|^-", [PAUSE]),
    (r"#(?=\d)", ["number"]),
    (r"#(?=[A-Za-z])", ["hashtag"]),
    (rf"~(?={_AMOUNT})", ["about"]),
    (r"(?<=\d)/(?=[a-z]{2})", ["per"]),
    (r"(?:\.{2,}|…)[.…!?]*[\"')\]]*(?=\s[\"'(]?[A-Z]|\s*$)", [STOP]),
    (r"\.{2,}|…", [PAUSE]),
    (r"(?<=[a-z])\.(?=[A-Z])", [STOP]),
    (r"(?<=[A-Za-z0-9])\.(?=[A-Za-z0-9])", ["dot"]),
    (r"[.!?;]+[\"')\]]*", [STOP]),
]


def _fixed(pattern: str, words: list[str]) -> numerals.Rule:
    return re.compile(pattern), lambda _: words


RULES = [
    *dates.RULES,
    *numerals.RULES,
    *(_fixed(pattern, words) for pattern, words in _FIXED),
    *(_fixed(re.escape(symbol), words.split()) for symbol, words in SYMBOLS.items()),
]
"""The first that holds is used."""
NAMED_RULES = [
    *dates.NAMED_RULES,
    _fixed(r"https?://", []),
    _fixed(r"w/o\b", ["without"]),
    _fixed(r"w/", ["with"]),
]
_DOTTED = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]\b\.?|Ph\.\s?D\b\.?|(?!I\.)[A-Z]\.|I\.(?=\s?[A-Z]\.)")
_ABBREVIATION = re.compile(r"(?P<word>[A-Za-z]+)(?![A-Za-z'])")
_WORD = re.compile(r"'?[A-Za-z]+(?:'[A-Za-z]+)*'?")
_CAPITALS = re.compile(r"[A-Z]{2,}(?:'?s|'S)?")


def spoken_words(text: str, known: Known | None = None) -> list[str]:
    """The words of a text as they are spoken; see `tokens_of`."""
    return [token.text for token in tokens_of(text, known) if token.text not in (PAUSE, STOP)]


def tokens_of(text: str, known: Known | None = None) -> list[Token]:
    """The words, pauses and ends of sentences of a text, with their places in it; each line ends a
    sentence. An acronym is a word where it is `known` (by default, to CMUdict).

    Raises DataError for a text without a word, with more than `MOST_WORDS`, with a word of more
    than `LONGEST_WORD` letters, and for what `folding.fold` refuses; JointError where a package of
    the extra `phones` is missing.
    """
    if known is None:
        known = dictionary().__contains__
    if (count := len(text.split())) > MOST_WORDS or len(text) > MOST_CHARACTERS:
        many = f"{count:,} words" if count > MOST_WORDS else f"{len(text):,} characters"
        raise _too_long(text, many)
    plain, origins = fold(text)
    tokens: list[Token] = []
    words = place = 0
    for line in plain.split("\n"):
        for token, start, end in _scan(line, known):
            tokens.append(Token(token, origins[place + start], origins[place + end - 1] + 1))
            words += token not in (PAUSE, STOP)
            if len(token) > LONGEST_WORD:
                found = f"a word of {len(token)} letters, {token[:20] + '…'!r}"
                raise DataError(place_of(text), found, f"{LONGEST_WORD} letters or fewer")
            if words > MOST_WORDS:
                raise _too_long(text, f"more than {MOST_WORDS:,} spoken words")
        place += len(line) + 1
        if tokens and tokens[-1].text != STOP:
            tokens.append(Token(STOP, tokens[-1].end, tokens[-1].end))
    if not words:
        raise DataError(place_of(text), "no word" if text.strip() else "an empty text", ENGLISH)
    return tokens


def _scan(line: str, known: Known) -> Iterator[Token]:
    """The tokens of a line, with their places in it."""
    shouted = len(line.split()) > 1 and not any(character.islower() for character in line)
    at, before = 0, ""
    while at < len(line):
        words, end = _next(line, at, known, shouted, before)
        before = line[at:end] if line[at].isalpha() else before if line[at] == " " else ""
        yield from (Token(word, at, end) for word in words)
        at = end


def _next(line: str, at: int, known: Known, shouted: bool, before: str) -> tuple[list[str], int]:
    """The words of what begins at a place of a line, and where it ends. A line in capitals is
    `shouted`: they mean nothing. `before` is the word before."""
    if line[at].isalpha() or line[at] == "'":
        return _word(line, at, known, shouted, before)
    for pattern, words_of in RULES:
        match = pattern.match(line, at)
        if match and (words := words_of(match)) is not None:
            return words, match.end()
    return [], at + 1


def _word(line: str, at: int, known: Known, shouted: bool, before: str) -> tuple[list[str], int]:
    """See `_next`, for what begins with a letter or an apostrophe."""
    for pattern, words_of in NAMED_RULES:
        if (match := pattern.match(line, at)) and (words := words_of(match)) is not None:
            return words, match.end()
    if match := _DOTTED.match(line, at):
        return dotted(match)
    if (match := _ABBREVIATION.match(line, at)) and (found := abbreviation(match)):
        return found
    match = _WORD.match(line, at)
    if match is None:  # an apostrophe alone
        return [], at + 1
    written = match[0]
    if not shouted and _CAPITALS.fullmatch(written):
        return roman(written, before) or capitals(written, known), match.end()
    beside_digit = line[at - 1 : at].isdigit() or line[match.end() : match.end() + 1].isdigit()
    if written in ("A", "a") and beside_digit:
        return ["a."], match.end()
    word = written.lower()
    for form in (word, word.removesuffix("'"), word.removeprefix("'")):
        if known(form):
            return [form], match.end()
    return [word.strip("'")], match.end()


def _too_long(text: str, found: str) -> DataError:
    return DataError(
        place_of(text),
        found,
        f"{MOST_WORDS:,} words or fewer, in {MOST_CHARACTERS:,} characters or fewer",
    )
