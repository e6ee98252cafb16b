"""Disjoint speakers in training, validation and test sets."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, zip_longest
from pathlib import Path

from joint.data.corpus import Utterance
from joint.errors import DataError


def refuse_overlap(where: str | Path, **splits: Iterable[Utterance]) -> None:
    """Raise DataError if a speaker of one split, such as `train`, is in another split too."""
    speakers = {name: {u.speaker for u in utterances} for name, utterances in splits.items()}
    for (one, first), (other, second) in combinations(speakers.items(), 2):
        if shared := first & second:
            found = f"speaker {min(shared)} in {one} and in {other}"
            raise DataError(where, found, "disjoint speakers")


SHARE = 4
"""If there are too few speakers to hold out the wanted number, one in so many is held out."""


def hold_out(
    train: list[Utterance], speakers: int, seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """`train` without so many speakers, and their utterances; the same for the same seed.

    Held out are speakers of two utterances or more, who can be verified. Where there are too few to
    leave two to train on, a quarter of the speakers is held out.
    """
    counts = Counter(utterance.speaker for utterance in train)
    usable = sorted(speaker for speaker, count in counts.items() if count > 1)
    if speakers > len(usable) or len(counts) - speakers < 2:
        speakers = min(len(counts) // SHARE, len(usable))
    chosen = set(random.Random(seed).sample(usable, speakers))
    kept = [utterance for utterance in train if utterance.speaker not in chosen]
    return kept, [utterance for utterance in train if utterance.speaker in chosen]


def hold_out_by_gender(
    train: list[Utterance], speakers: int, seed: int
) -> tuple[list[Utterance], list[Utterance]]:
    """As `hold_out`, with equal numbers of each gender as far as there are so many.

    Where there are too few speakers to leave two to train on, as many are held out as leave two.
    """
    counts: dict[str | None, Counter[str]] = {}
    for utterance in train:
        counts.setdefault(utterance.gender, Counter())[utterance.speaker] += 1
    generator = random.Random(seed)
    queues = []
    for _, own in sorted(counts.items(), key=lambda item: str(item[0])):
        usable = sorted(speaker for speaker, count in own.items() if count > 1)
        queues.append(generator.sample(usable, len(usable)))
    # One of each gender in turn.
    order = [name for turn in zip_longest(*queues) for name in turn if name is not None]
    chosen = set(order[: max(0, min(speakers, sum(map(len, counts.values())) - 2))])
    kept = [utterance for utterance in train if utterance.speaker not in chosen]
    return kept, [utterance for utterance in train if utterance.speaker in chosen]


def a_few_each(utterances: Iterable[Utterance], count: int, seed: int) -> Iterator[Utterance]:
    """At most `count` utterances of every speaker; the same for the same seed."""
    own: dict[str, list[Utterance]] = {}
    for utterance in sorted(utterances, key=lambda u: u.id):
        own.setdefault(utterance.speaker, []).append(utterance)
    generator = random.Random(seed)
    for _, rows in sorted(own.items()):
        yield from generator.sample(rows, min(count, len(rows)))
