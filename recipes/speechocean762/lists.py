"""Seeded choices on the corpus: speakers balanced in gender and age group, trials, mixtures."""

import random
from collections import defaultdict
from collections.abc import Iterable

from joint.data.manifests import KaldiUtterance
from joint.errors import DataError


def choose_speakers(utterances: Iterable[KaldiUtterance], per_group: int, seed: int) -> list[str]:
    """`per_group` speakers of each gender and age group, sorted; the same for the same seed.

    Raises DataError where a group has fewer.
    """
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for utterance in utterances:
        groups[str(utterance.gender), str(utterance.age_group)].add(utterance.speaker)
    generator = random.Random(seed)
    chosen: list[str] = []
    for group, speakers in sorted(groups.items()):
        if len(speakers) < per_group:
            found = f"{len(speakers)} speakers in {'/'.join(group)}"
            raise DataError("speaker choice", found, f"at least {per_group}")
        chosen += generator.sample(sorted(speakers), per_group)
    return sorted(chosen)
