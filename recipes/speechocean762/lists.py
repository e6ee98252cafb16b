"""Seeded choices on the corpus: speakers balanced in gender and age group, trials, mixtures.

The lists have the formats and the proportions of those that come with the corpus's `test`.
"""

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.prepare.trials import group_of, make_trials, write_trials
from joint.errors import DataError
from joint.units import Decibels

SNR_LIMIT: Decibels = 5.0


@dataclass(frozen=True)
class Mixture:
    """A row of `mix2_extraction.csv`: utterance ids, and the target's level over the other's."""

    mix_id: str
    target: str
    interferer: str
    enrollment: str
    snr_db: str


def choose_speakers(utterances: Iterable[Utterance], per_group: int, seed: int) -> list[str]:
    """`per_group` speakers of each gender and age group, sorted; the same for the same seed.

    Raises DataError where a group has fewer.
    """
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for utterance in utterances:
        groups[group_of(utterance)].add(utterance.speaker)
    generator = random.Random(seed)
    chosen: list[str] = []
    for group, speakers in sorted(groups.items()):
        if len(speakers) < per_group:
            found = f"{len(speakers)} speakers in {'/'.join(group)}"
            raise DataError("speaker choice", found, f"at least {per_group}")
        chosen += generator.sample(sorted(speakers), per_group)
    return sorted(chosen)


def make_mixtures(utterances: Iterable[Utterance], count: int, seed: int) -> list[Mixture]:
    """`count` mixtures of two speakers, every second one of one gender, SNR uniform in ±5 dB.

    Every utterance is a target once before any is so again; the enrolment is another utterance
    of the target's speaker. Raises DataError for fewer than two speakers of two utterances.
    """
    generator = random.Random(seed)
    rows = sorted(utterances, key=lambda u: u.id)
    by_speaker: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in rows:
        by_speaker[utterance.speaker].append(utterance)
    targets = [u for u in rows if len(by_speaker[u.speaker]) > 1]
    if not targets or len(by_speaker) < 2:
        found = f"{len(by_speaker)} speakers, {len(targets)} utterances that have an enrolment"
        raise DataError("mixture list", found, "two speakers of two utterances")
    mixtures: list[Mixture] = []
    while len(mixtures) < count:
        for target in generator.sample(targets, len(targets))[: count - len(mixtures)]:
            same_gender = len(mixtures) % 2 == 0
            others = [u for u in rows if u.speaker != target.speaker]
            wanted = [u for u in others if (u.gender == target.gender) == same_gender]
            # Speakers first, so that one with many utterances does not interfere more often.
            interferers = wanted or others
            speaker = generator.choice(sorted({u.speaker for u in interferers}))
            interferer = generator.choice([u for u in interferers if u.speaker == speaker])
            enrollment = generator.choice([u for u in by_speaker[target.speaker] if u != target])
            snr_db = generator.uniform(-SNR_LIMIT, SNR_LIMIT)
            ids = (target.id, interferer.id, enrollment.id)
            mixtures.append(Mixture(f"mix{len(mixtures):04d}", *ids, f"{snr_db:.2f}"))
    return mixtures


def write_lists(
    folder: Path,
    utterances: Sequence[Utterance],
    targets_per_speaker: int,
    mixtures: int,
    seed: int,
) -> None:
    """Write `trials` and `mix2_extraction.csv` of these utterances into `folder`."""
    write_trials(folder / "trials", make_trials(utterances, targets_per_speaker, seed))
    rows = make_mixtures(utterances, mixtures, seed)
    with (folder / "mix2_extraction.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in fields(Mixture))
        writer.writerows(astuple(row) for row in rows)
