"""Word errors of transcripts: WER by jiwer, cpWER and ORC-WER of several speakers by meeteval."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final

import numpy as np

from joint.errors import ConfigError, JointError

Words = Sequence[str]

_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Errors:
    """Substitutions, deletions and insertions against a reference of `length` words."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    length: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(a + b for a, b in zip(self.counts(), other.counts(), strict=True)))

    def counts(self) -> tuple[int, int, int, int]:
        """In the order of the fields."""
        return self.substitutions, self.deletions, self.insertions, self.length

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    def figures(self, prefix: str) -> dict[str, float]:
        """All errors, and each kind of them, in percent of the reference's words."""
        parts = dict(zip(("substitutions", "deletions", "insertions"), self.counts(), strict=False))
        whole = {"": self.errors, **{f"_{name}": n for name, n in parts.items()}}
        length = max(self.length, 1)
        return {f"{prefix}{name}_percent": 100.0 * n / length for name, n in whole.items()}


def normalize_text(text: str) -> str:
    """Words to compare: lower case, each digit its word, only a–z and the apostrophe kept."""
    text = text.lower().replace("’", "'")
    text = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", text, flags=re.ASCII)
    return " ".join(re.sub(r"[^a-z']+", " ", text).split())


def word_errors(reference: str, hypothesis: str) -> Errors:
    """Word errors (WER) after `normalize_text`; an empty reference has only insertions.

    Raises JointError where the package jiwer is not installed.
    """
    reference, hypothesis = normalize_text(reference), normalize_text(hypothesis)
    return _aligned("words", reference, hypothesis)


def character_errors(reference: str, hypothesis: str) -> Errors:
    """Character errors (CER) after `normalize_text`, blanks between words included; as
    `word_errors`."""
    reference, hypothesis = normalize_text(reference), normalize_text(hypothesis)
    return _aligned("characters", reference, hypothesis)


def edit_distance(hypothesis: Sequence[int], reference: Sequence[int]) -> int:
    """Substitutions, deletions and insertions between two sequences of symbols (Levenshtein)."""
    row = np.arange(len(reference) + 1)
    target = np.asarray(reference)
    for count, symbol in enumerate(hypothesis, start=1):
        best = np.minimum(row[:-1] + (target != symbol), row[1:] + 1)
        row = np.concatenate([[count], best])
        # a deletion costs one more than the entry to its left
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])


def concatenated_errors(reference: Sequence[Words], hypothesis: Sequence[Words]) -> Errors:
    """cpWER (Watanabe et al., CHiME 2020): errors with the words of each speaker and of each output
    concatenated, in the assignment of outputs to speakers that has the fewest. Where their numbers
    differ, all words of a speaker are deletions, or of an output insertions."""
    return _counted("cp_word_error_rate", reference, hypothesis)


def best_owners(reference: Sequence[Words], hypothesis: Sequence[Words]) -> list[int | None]:
    """The speaker of `reference` that each output is assigned to in `concatenated_errors`, None for
    no speaker."""
    pairs = _measured("cp_word_error_rate", reference, hypothesis).assignment
    owners = {output: person for person, output in pairs}
    return [owners.get(output) for output in range(len(hypothesis))]


def channel_errors(reference: Sequence[Words], hypothesis: Sequence[Words]) -> Errors:
    """ORC-WER (Sklyar et al., ICASSP 2022): errors with each reference utterance assigned to the
    output that gives the fewest, regardless of the speaker."""
    return _counted("orc_word_error_rate", reference, hypothesis)


def total(errors: Iterable[Errors]) -> Errors:
    """The sum of all counts."""
    return sum(errors, Errors())


def foreign_words(hypothesis: Words, own: Words, other: Words) -> int:
    """How many words of the hypothesis differ from the speaker's `own` and occur, in this order, in
    the words of the `other` speaker."""
    rest = [
        word
        for tag, i, j, _, _ in SequenceMatcher(None, hypothesis, own, autojunk=False).get_opcodes()
        if tag in ("replace", "delete")
        for word in hypothesis[i:j]
    ]
    matched = SequenceMatcher(None, rest, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in matched)


def _counted(measure: str, reference: Sequence[Words], hypothesis: Sequence[Words]) -> Errors:
    rate = _measured(measure, reference, hypothesis)
    return Errors(rate.substitutions, rate.deletions, rate.insertions, rate.length)


def _measured(measure: str, reference: Sequence[Words], hypothesis: Sequence[Words]) -> Any:
    try:
        from meeteval import wer
    except ImportError:
        raise ConfigError(
            "recognition errors", "no package meeteval", "pip install 'joint-speaker[recognition]'"
        ) from None
    # meeteval refuses a hypothesis without any output
    sides = ([" ".join(words) for words in side] for side in (reference, hypothesis or [[]]))
    return getattr(wer, measure)(*sides, reference_sort=False, hypothesis_sort=False)


def _aligned(units: str, reference: str, hypothesis: str) -> Errors:
    try:
        import jiwer
    except ImportError as error:
        expected = "the extra `recognition` (pip install jiwer)"
        raise JointError("word error rate", "no package jiwer", expected) from error
    parts: Callable[[str], list[str]] = str.split if units == "words" else list
    if not reference:
        return Errors(insertions=len(parts(hypothesis)))
    found = getattr(jiwer, f"process_{units}")(reference, hypothesis)
    length = len(parts(reference))
    return Errors(found.substitutions, found.deletions, found.insertions, length)
