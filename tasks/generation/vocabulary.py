"""Descriptions of voices: attributes, the words for them, and the texts that are made of these."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from joint.errors import DataError

Attributes = Mapping[str, str]
"""What is known of a voice: a value for some of the attributes."""

GENDER, AGE, PITCH, RATE, ACCENT = "gender", "age", "pitch", "rate", "accent"
VALUES: Mapping[str, tuple[str, ...]] = {
    GENDER: ("f", "m"),
    AGE: ("child", "adult"),
    PITCH: ("low", "high"),
    RATE: ("slow", "fast"),
}
"""Of every attribute but the accent, whose values are the corpora's."""

SAYING: Sequence[tuple[str, Attributes]] = (
    ("woman lady", {GENDER: "f", AGE: "adult"}),
    ("man gentleman", {GENDER: "m", AGE: "adult"}),
    ("girl", {GENDER: "f", AGE: "child"}),
    ("boy", {GENDER: "m", AGE: "child"}),
    ("female feminine she her", {GENDER: "f"}),
    ("male masculine he his", {GENDER: "m"}),
    ("child kid childlike", {AGE: "child"}),
    ("adult grown", {AGE: "adult"}),
    ("low deep lower", {PITCH: "low"}),
    ("high bright higher", {PITCH: "high"}),
    ("slow slowly", {RATE: "slow"}),
    ("fast quick quickly", {RATE: "fast"}),
)
MEANINGS: Mapping[str, Attributes] = {w: own for words, own in SAYING for w in words.split()}
"""Words that say something of a voice."""

SILENT = (
    "a an the and with who that is of in on voice voiced speaker person speaks speaking speech "
    "talks talking pitch pitched accent english young"
)
FILLERS = frozenset(SILENT.split())
"""Words that may stand in a description and say nothing; `young` among them, since the corpora know
children and adults up to 37 years."""

NOUNS: Mapping[tuple[str | None, str | None], tuple[str, ...]] = {
    ("f", "adult"): ("woman", "young woman", "lady", "female adult"),
    ("m", "adult"): ("man", "young man", "gentleman", "male adult"),
    ("f", "child"): ("girl", "young girl", "female child"),
    ("m", "child"): ("boy", "young boy", "male child"),
    ("f", None): ("female voice", "female speaker", "feminine voice"),
    ("m", None): ("male voice", "male speaker", "masculine voice"),
    (None, "child"): ("child", "kid", "young child"),
    (None, "adult"): ("adult", "adult speaker", "grown person"),
    (None, None): ("voice", "speaker", "person"),
}
PHRASES: Mapping[tuple[str, str], tuple[str, ...]] = {
    (PITCH, "low"): ("low voice", "deep voice", "low pitch", "with a low voice", "low pitched"),
    (PITCH, "high"): ("high voice", "bright voice", "high pitch", "with a high voice"),
    (RATE, "slow"): ("slow", "slow speech", "who speaks slowly", "speaking slowly"),
    (RATE, "fast"): ("fast", "fast speech", "who speaks quickly", "talks fast", "quick"),
}
OF_ACCENT = ("with a {} accent", "{} accent", "{} speaker")
KEPT = 0.6
"""Of the known attributes, the share that a text made for training says."""


@dataclass(frozen=True)
class Description:
    """A description of a voice: its `words` and the `attributes` that they say."""

    words: tuple[str, ...]
    attributes: Attributes

    def __str__(self) -> str:
        return " ".join(self.words)


class Vocabulary:
    """What a density's descriptions may say: the words, and the values of every attribute.

    Args:
        accents: names of the accents in the corpora, each one word in lower case. Raises DataError
            for a name that is none, or that already means something else.
    """

    def __init__(self, accents: Sequence[str] = ()) -> None:
        for accent in accents:
            if not re.fullmatch("[a-z]+", accent) or accent in FILLERS | MEANINGS.keys():
                raise DataError("accent", repr(accent), "one word in lower case, with no other use")
        self.accents = tuple(sorted(set(accents)))
        self.values = {**VALUES, **({ACCENT: self.accents} if self.accents else {})}
        self.meanings = {**MEANINGS, **{accent: {ACCENT: accent} for accent in self.accents}}
        self.words = tuple(sorted(self.meanings.keys() | FILLERS))

    def parse(self, text: str) -> Description:
        """The description that a text is.

        Raises DataError for a text without words, words that are not in the vocabulary, and two
        values of one attribute.
        """
        words = tuple(re.findall(r"[^\W_]+", text.lower()))
        known = ", ".join(self.meanings)
        if not words:
            raise DataError("description", repr(text), f"words such as {known}")
        if unknown := [word for word in dict.fromkeys(words) if word not in self.words]:
            what = "the unknown word" if len(unknown) == 1 else "the unknown words"
            raise DataError("description", f"{what} {', '.join(unknown)}", f"words among {known}")
        attributes: dict[str, str] = {}
        by: dict[str, str] = {}
        for word in words:
            for attribute, value in self.meanings.get(word, {}).items():
                if attributes.setdefault(attribute, value) != value:
                    found = f"{by[attribute]!r} and {word!r}"
                    raise DataError("description", found, f"one {attribute}")
                by.setdefault(attribute, word)
        return Description(words, attributes)

    def describe(self, attributes: Attributes, rng: np.random.Generator) -> Description:
        """A text that says these attributes, in words and an order that `rng` draws."""
        noun = NOUNS[attributes.get(GENDER), attributes.get(AGE)]
        phrases = [str(rng.choice(_phrases(name, value))) for name, value in _others(attributes)]
        rng.shuffle(phrases)
        return self.parse(", ".join([f"a {rng.choice(noun)}", *phrases]))

    def drawn(self, rng: np.random.Generator) -> Description:
        """A text that says values of some attributes, all of which `rng` draws."""
        attributes = {name: str(rng.choice(values)) for name, values in self.values.items()}
        return self.described(attributes, rng)

    def described(self, attributes: Attributes, rng: np.random.Generator) -> Description:
        """As `describe`, of a part of the attributes that `rng` draws: so a density learns what
        follows from few of them."""
        return self.describe({n: v for n, v in attributes.items() if rng.random() < KEPT}, rng)


def _others(attributes: Attributes) -> Iterator[tuple[str, str]]:
    return ((name, attributes[name]) for name in (PITCH, RATE, ACCENT) if name in attributes)


def _phrases(name: str, value: str) -> tuple[str, ...]:
    if name == ACCENT:
        return tuple(phrase.format(value) for phrase in OF_ACCENT)
    return PHRASES[name, value]
