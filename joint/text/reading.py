"""Text as sentences of phones, with silence where a reader pauses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from joint.data.phones import SILENCE
from joint.errors import CheckpointError, DataError, first_of
from joint.text.folding import fold, place_of
from joint.text.normalization import PAUSE, STOP, Token, tokens_of
from joint.text.pronunciation import Pronunciation, dictionary, pronounced

Lexicon = Mapping[str, list[Pronunciation]]

SENTENCE_WORDS, SENTENCE_PHONES = 40, 200
"""A longer sentence is split: an acoustic model has seen none so long, and attention's memory grows
with the square of the length."""
_CONJUNCTIONS = (
    "and but or nor so yet because although though while when where which who that if unless until "
    "since as than"
)
CONJUNCTIONS = frozenset(_CONJUNCTIONS.split())
"""Words before which a sentence may be split."""
HISSING = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
VOICELESS = frozenset({"P", "T", "K", "F", "TH"})


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a part of a long one: the `text` as written, its spoken `words`, and their
    `phones` with `SIL` at the start, at the end and where punctuation pauses."""

    text: str
    words: tuple[str, ...]
    phones: tuple[str, ...]


def read_aloud(text: str, lexicon: Lexicon | None = None) -> list[Sentence]:
    """English text as sentences of at most `SENTENCE_WORDS` words and `SENTENCE_PHONES` phones
    (unless one word has more).

    Each word has the first pronunciation of the `lexicon` (words in lower case), else CMUdict's,
    else espeak-ng's. Raises DataError for what cannot be spoken, see `normalization.tokens_of`, and
    for a word without a pronunciation; JointError where a package of the extra `phones` is missing.
    """
    lexicon = _plain(lexicon or {})
    common = dictionary()
    tokens = tokens_of(text, lambda word: word in lexicon or word in common)
    words = list(dict.fromkeys(token.text for token in tokens if token.text not in (PAUSE, STOP)))
    phones = _phones(words, lexicon, text)
    found, start = [], 0
    for sentence in _sentences(tokens, phones):
        for part in _parts(sentence):
            start, end = min(start, part[0].start), part[-1].end
            spoken = tuple(word.text for word in part)
            found.append(Sentence(text[start:end].strip(), spoken, _with_silence(part)))
            start = end
    return found


def phone_indices(phones: Sequence[str], inventory: Sequence[str], where: str) -> Tensor:
    """`phones` as indices `(P,)` int64 into the `inventory` of the checkpoint `where`.

    Raises CheckpointError for phones that the checkpoint was not trained on.
    """
    place = {phone: index for index, phone in enumerate(inventory)}
    if missing := sorted(set(phones) - place.keys()):
        found = f"no phone {first_of(missing)} among its {len(inventory)} phones"
        raise CheckpointError(where, found, "a checkpoint trained on all phones of the text")
    return torch.tensor([place[phone] for phone in phones], dtype=torch.int64)


class _Word(NamedTuple):
    """A word, whether a pause follows, and its place in the text, with the marks behind it."""

    text: str
    phones: Pronunciation
    pause: bool
    start: int
    end: int


def _plain(lexicon: Lexicon) -> Lexicon:
    """A lexicon that also has its words without accents, as folded text is."""
    plain = dict(lexicon)
    for word in lexicon:
        if not word.isascii():
            with suppress(DataError):  # another alphabet, which no text may have
                plain.setdefault(fold(word).text, lexicon[word])
    return plain


def _phones(words: Sequence[str], lexicon: Lexicon, text: str) -> dict[str, Pronunciation]:
    """The pronunciation of each word. Raises DataError for the first word without one."""
    common = dictionary()
    bases = {word: word.removesuffix("'s") for word in words if word.endswith("'s")}
    derived = {
        word: base
        for word, base in bases.items()
        if word not in lexicon and (base in lexicon or (word not in common and base in common))
    }
    found = pronounced([derived.get(word, word) for word in words], lexicon)
    chosen = {word: pronunciations[0] for word, pronunciations in found.items()}
    chosen |= {word: _possessive(chosen[base]) for word, base in derived.items()}
    if missing := [word for word in words if word not in chosen]:
        raise DataError(
            place_of(text),
            f"{missing[0]!r} without pronunciation",
            "words of English, or a lexicon that has them",
        )
    return chosen


def _possessive(phones: Pronunciation) -> Pronunciation:
    """`phones` of a name and of the `'s` behind it."""
    if phones[-1] in HISSING:
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in VOICELESS else "Z")


def _sentences(
    tokens: Iterable[Token], phones: Mapping[str, Pronunciation]
) -> Iterator[list[_Word]]:
    """The words of each sentence; a mark belongs to the word before it."""
    words: list[_Word] = []
    for token in tokens:
        if token.text not in (PAUSE, STOP):
            words.append(_Word(token.text, phones[token.text], False, token.start, token.end))
        elif words:
            words[-1] = words[-1]._replace(pause=True, end=token.end)
            if token.text == STOP:
                yield words
                words = []


def _parts(sentence: list[_Word]) -> list[list[_Word]]:
    """A sentence, in parts where it is too long: split behind a pause, else before a conjunction,
    both in its middle half, else in the middle; within what is written as one, such as a number,
    only where there is no other place."""
    count = len(sentence)
    fits = count <= SENTENCE_WORDS and len(_with_silence(sentence)) <= SENTENCE_PHONES
    if fits or count == 1:
        return [sentence]
    near_middle = sorted(range(1, count), key=lambda place: abs(2 * place - count))
    between = [place for place in near_middle if sentence[place].start >= sentence[place - 1].end]
    inner = [place for place in between if count <= 4 * place <= 3 * count]
    pauses = (place for place in inner if sentence[place - 1].pause)
    conjunctions = (place for place in inner if sentence[place].text in CONJUNCTIONS)
    place = next(pauses, None) or next(conjunctions, None)
    place = place or (inner or between or near_middle)[0]
    return [*_parts(sentence[:place]), *_parts(sentence[place:])]


def _with_silence(words: Sequence[_Word]) -> tuple[str, ...]:
    phones = [SILENCE]
    for word in words:
        phones += [*word.phones, *([SILENCE] if word.pause else [])]
    return (*phones, SILENCE) if phones[-1] != SILENCE else tuple(phones)
