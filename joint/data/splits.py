"""Who is trained on, who is held out, who is tested: speakers are never in two of them."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from joint.data.manifests import KaldiUtterance
from joint.errors import DataError


def refuse_overlap(
    where: str | Path, train: Iterable[KaldiUtterance], test: Iterable[KaldiUtterance]
) -> None:
    """Raise DataError where a speaker of `train` speaks in `test` too."""
    if shared := {u.speaker for u in train} & {u.speaker for u in test}:
        raise DataError(where, f"speaker {min(shared)} in train and in test", "disjoint speakers")


def hold_out(
    train: list[KaldiUtterance], speakers: int, seed: int
) -> tuple[list[KaldiUtterance], list[KaldiUtterance]]:
    """`train` without so many speakers, and their utterances; the same for the same seed.

    Held out are speakers of two utterances or more, whom one can verify. Raises DataError where
    fewer than two speakers would be left to train on.
    """
    counts = Counter(utterance.speaker for utterance in train)
    usable = sorted(speaker for speaker, count in counts.items() if count > 1)
    if speakers > len(usable) or len(counts) - speakers < 2:
        found = f"{len(counts)} speakers, {len(usable)} of them with several utterances"
        raise DataError("train", found, f"{speakers} to hold out and two more")
    chosen = set(random.Random(seed).sample(usable, speakers))
    kept = [utterance for utterance in train if utterance.speaker not in chosen]
    return kept, [utterance for utterance in train if utterance.speaker in chosen]


def a_few_each(
    utterances: Iterable[KaldiUtterance], count: int, seed: int
) -> Iterator[KaldiUtterance]:
    """At most `count` utterances of every speaker; the same for the same seed."""
    own: dict[str, list[KaldiUtterance]] = {}
    for utterance in sorted(utterances, key=lambda u: u.id):
        own.setdefault(utterance.speaker, []).append(utterance)
    generator = random.Random(seed)
    for _, rows in sorted(own.items()):
        yield from generator.sample(rows, min(count, len(rows)))
