"""Written text in plain characters: without accents, with the quotes and dashes of a keyboard."""

import re
import unicodedata
from typing import NamedTuple

from joint.errors import DataError

ENGLISH = "English text: letters, numbers and punctuation"
"""What error messages expect of a text."""

_LETTERS = "ß:ss æ:ae œ:oe ø:o ł:l đ:d ð:d þ:th ħ:h ı:i ŋ:ng ŧ:t"
LETTERS = dict(pair.split(":") for pair in _LETTERS.split())
LETTERS |= {written.upper(): plain.upper() for written, plain in LETTERS.items() if written != "ı"}
"""Letters that are more than a letter of English with an accent."""

DASHES = {"‐": "-", "‑": "-", "‒": "–", "―": "—", "→": "—", "⇒": "—"}
QUOTES = {**dict.fromkeys("‘’‚‛‹›′´`", "'"), **dict.fromkeys("“”„‟«»″", '"')}
SPACES = dict.fromkeys("\v\f\r\x85\u2028\u2029", "\n") | {"\t": " "}
FOLDED = {**LETTERS, **DASHES, **QUOTES, **SPACES}
SILENT = frozenset("*_^|\\•‣⁃◦∙·●○■□▪▫™®©†‡¶")
"""Symbols that people type and do not speak."""
SPOKEN = frozenset("£€¥₹¢°§±×÷−≤≥≠≈²³µ–—…")
"""Characters beyond ASCII that are spoken, or that structure a sentence."""


class Folded(NamedTuple):
    """A text in plain characters; character i came from character `origins[i]` of the original."""

    text: str
    origins: list[int]


def fold(text: str) -> Folded:
    """A text with letters of A to Z, digits, ASCII's symbols and those of `SPOKEN` alone.

    Accents and invisible characters are dropped; a symbol that is never spoken becomes a space, and
    there is one space at a time. Raises DataError, naming the first word with it, for a control
    character, a letter or digit of another alphabet and a symbol that has no name in speech, such
    as an emoji.
    """
    plain: list[str] = []
    origins: list[int] = []
    for place, character in enumerate(text):
        found = _plain(character)
        if found is None:
            raise DataError(place_of(text), _named(text, place), ENGLISH)
        for part in found:
            written = " " if part in SILENT else part
            if written != " " or plain[-1:] != [" "]:
                plain.append(written)
                origins.append(place)
    return Folded("".join(plain), origins)


def place_of(text: str) -> str:
    """How error messages call a text: by its beginning."""
    start = " ".join(text[:60].split())
    return f"text {start + ('…' if len(text) > 60 else '')!r}"


def _plain(character: str) -> str | None:
    """One character in plain characters; None where that cannot be spoken."""
    if character in FOLDED:
        return FOLDED[character]
    if character.isascii():
        return character if character.isprintable() or character == "\n" else None
    if character in SILENT or character in SPOKEN:
        return character
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return ""
    if category == "Zs":
        return " "
    apart = unicodedata.normalize("NFKD", character)
    if "⁄" in apart:  # ½: a number before it is not part of the fraction
        return f" {apart.replace('⁄', '/')}"
    if apart != character:
        parts = [_plain(part) for part in apart]
        return None if None in parts else "".join(part for part in parts if part)
    if category.startswith("P"):
        return {"Pd": "—", "Ps": "(", "Pe": ")", "Pi": '"', "Pf": '"'}.get(category, "")
    return "" if category == "Sk" else None


def _named(text: str, place: int) -> str:
    """The word around a character that cannot be spoken, with the character's name."""
    character = text[place]
    before = re.search(r"\S*$", text[max(0, place - 20) : place])
    after = re.match(r"\S*", text[place + 1 : place + 20])
    word = (before[0] if before else "") + character + (after[0] if after else "")
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    return f"{word!r} with {_kind(character)} ({name})"


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("C"):
        return "a control character" if category == "Cc" else "an unknown character"
    if category.startswith(("L", "M", "N")):
        return "a character of another alphabet"
    return "a symbol without a name in speech"
