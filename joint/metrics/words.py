"""Errors of transcripts of one or several people; the counting is meeteval's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from joint.errors import ConfigError

Words = Sequence[str]


@dataclass(frozen=True)
class Errors:
    """Substitutions, deletions and insertions against `length` words of reference."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    length: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(*(a + b for a, b in zip(self.counts(), other.counts(), strict=True)))

    def counts(self) -> tuple[int, int, int, int]:
        """In the order of the fields."""
        return self.substitutions, self.deletions, self.insertions, self.length

    def figures(self, prefix: str) -> dict[str, float]:
        """All errors, and each kind, in percent of the reference."""
        parts = dict(zip(("substitutions", "deletions", "insertions"), self.counts(), strict=False))
        whole = {"": sum(parts.values()), **{f"_{name}": n for name, n in parts.items()}}
        length = max(self.length, 1)
        return {f"{prefix}{name}_percent": 100.0 * n / length for name, n in whole.items()}


def concatenated_errors(reference: Sequence[Words], found: Sequence[Words]) -> Errors:
    """Errors with the words of each person and of each output joined, in the assignment that has
    the fewest (cpWER, Watanabe et al., CHiME 2020); where their numbers differ, somebody is missed
    or made up as a whole."""
    return _counted("cp_word_error_rate", reference, found)


def best_owners(reference: Sequence[Words], found: Sequence[Words]) -> list[int | None]:
    """The person of `reference` that each output belongs to in the assignment of
    `concatenated_errors`, None for nobody."""
    pairs = _measured("cp_word_error_rate", reference, found).assignment
    owners = {output: person for person, output in pairs}
    return [owners.get(output) for output in range(len(found))]


def channel_errors(reference: Sequence[Words], found: Sequence[Words]) -> Errors:
    """Errors with each utterance free to come out of any output, without a price for who speaks
    (ORC-WER, Sklyar et al., ICASSP 2022)."""
    return _counted("orc_word_error_rate", reference, found)


def total(errors: Iterable[Errors]) -> Errors:
    """All together."""
    return sum(errors, Errors())


def foreign_words(found: Words, own: Words, other: Words) -> int:
    """How many of the words found are not the person's own and come, in that order, in what the
    other person says."""
    rest = [
        word
        for tag, i, j, _, _ in SequenceMatcher(None, found, own, autojunk=False).get_opcodes()
        if tag in ("replace", "delete")
        for word in found[i:j]
    ]
    matched = SequenceMatcher(None, rest, other, autojunk=False).get_matching_blocks()
    return sum(block.size for block in matched)


def _counted(measure: str, reference: Sequence[Words], found: Sequence[Words]) -> Errors:
    rate = _measured(measure, reference, found)
    return Errors(rate.substitutions, rate.deletions, rate.insertions, rate.length)


def _measured(measure: str, reference: Sequence[Words], found: Sequence[Words]) -> Any:
    try:
        from meeteval import wer
    except ImportError:
        raise ConfigError(
            "recognition errors", "no package meeteval", "pip install 'joint-speaker[recognition]'"
        ) from None
    # meeteval takes no recording of which nothing came out
    sides = ([" ".join(words) for words in side] for side in (reference, found or [[]]))
    return getattr(wer, measure)(*sides, reference_sort=False, hypothesis_sort=False)
