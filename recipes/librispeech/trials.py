"""Verification trials of a part of LibriSpeech, made as a published list would be: as many target
as non-target pairs, target pairs from two chapters, non-target ones of one gender."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb

from joint.data.corpus import Utterance
from joint.data.prepare.trials import Trial

TARGETS = 10_000
"""Target trials of a part, and non-target ones; fewer where there are not so many pairs."""


def make_trials(utterances: Iterable[Utterance], seed: int, targets: int = TARGETS) -> list[Trial]:
    """At most `targets` target trials, then as many non-target ones; no pair twice.

    Speakers have target trials in equal number, as far as they have so many pairs; those of a
    speaker with several chapters are of two chapters, in which the recording conditions differ.
    Non-target trials are drawn evenly from the pairs of two speakers of one gender, of an unknown
    gender among themselves.
    """
    generator = random.Random(seed)
    own: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in sorted(utterances, key=lambda u: u.id):
        own[utterance.speaker].append(utterance)
    # Pairs of one speaker at a time: those of a large part would fill the memory.
    shares = _shares([_target_count(rows) for rows in own.values()], targets)
    found = [
        Trial(1, *pair)
        for rows, share in zip(own.values(), shares, strict=True)
        for pair in generator.sample(_target_pairs(rows), share)
    ]
    pairs = _nontargets(list(own.values()), len(found), generator)
    return found + [Trial(0, *pair) for pair in sorted(pairs)]


def chapter_of(utterance: Utterance) -> str:
    """`198` of `19-198-0000`."""
    return utterance.id.split("-")[1]


def _target_pairs(rows: Sequence[Utterance]) -> list[tuple[str, str]]:
    named = [(row.id, chapter_of(row)) for row in rows]
    several = len({chapter for _, chapter in named}) > 1
    return [
        (first, second)
        for (first, one), (second, other) in combinations(named, 2)
        if not several or one != other
    ]


def _target_count(rows: Sequence[Utterance]) -> int:
    """The length of `_target_pairs`, without making them."""
    chapters: dict[str, int] = defaultdict(int)
    for row in rows:
        chapters[chapter_of(row)] += 1
    within = sum(comb(count, 2) for count in chapters.values()) if len(chapters) > 1 else 0
    return comb(len(rows), 2) - within


def _shares(available: Sequence[int], total: int) -> list[int]:
    """How many to take from each, so that the sum is `total` and none gives more than it has."""
    shares = [0] * len(available)
    left = min(total, sum(available))
    # The poorest first: what they lack is divided among those who have more.
    order = sorted(range(len(available)), key=lambda i: available[i])
    for place, i in enumerate(order):
        shares[i] = min(available[i], left // (len(order) - place))
        left -= shares[i]
    return shares


def _nontargets(
    speakers: Sequence[Sequence[Utterance]], count: int, generator: random.Random
) -> set[tuple[str, str]]:
    """`count` pairs of two speakers of one gender, or all where there are fewer."""
    genders: dict[str | None, list[Utterance]] = defaultdict(list)
    possible = 0
    for rows in speakers:
        for row in rows:
            genders[row.gender].append(row)
        possible -= comb(len(rows), 2)
    possible += sum(comb(len(rows), 2) for rows in genders.values())
    if 2 * count > possible:
        # Drawing again and again would not find the last ones.
        every = [
            (first.id, second.id)
            for rows in genders.values()
            for first, second in combinations(rows, 2)
            if first.speaker != second.speaker
        ]
        return set(generator.sample(every, min(count, len(every))))
    groups = list(genders.values())
    weights = [comb(len(rows), 2) for rows in groups]
    found: set[tuple[str, str]] = set()
    while len(found) < count:
        first, second = generator.sample(generator.choices(groups, weights)[0], 2)
        if first.speaker != second.speaker:
            found.add((min(first.id, second.id), max(first.id, second.id)))
    return found
