"""Lists of verification trials: convert published lists, and draw new ones from a seed."""

import random
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.errors import DataError
from joint.files import read_lines

NONTARGETS_PER_TARGET = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """Whether two utterances are of one speaker: `label` is 1 where they are."""

    label: int
    first: str
    second: str


LABELS = {"1": 1, "0": 0, "target": 1, "nontarget": 0}


def read_rows(path: Path, columns: int) -> Iterator[tuple[str, list[str]]]:
    """`(where, fields)` of every line, a line at a time; blank ones are left out.

    Raises DataError for a file that cannot be read and for a line of other than `columns` fields.
    """
    for number, line in enumerate(read_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != columns:
            raise DataError(f"{path}:{number}", repr(line[:80]), f"{columns} fields")
        yield f"{path}:{number}", fields


def label_of(where: str, value: str) -> int:
    """1 or 0 of `1`, `target`, `0` or `nontarget`. Raises DataError."""
    if value not in LABELS:
        raise DataError(where, repr(value), "1, 0, target or nontarget")
    return LABELS[value]


def write_trials(path: Path, trials: Iterable[Trial]) -> None:
    """`LABEL UTT1 UTT2` lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{t.label} {t.first} {t.second}\n" for t in trials)


def write_published(
    path: Path, trials: Iterable[Trial], known: Container[str], report: PrepareReport
) -> None:
    """Write the `trials` whose utterances are both `known`; the number of others is a warning.

    Raises DataError where none is left.
    """
    lost = kept = 0
    with path.open("w", encoding="utf-8") as file:
        for trial in trials:
            if trial.first in known and trial.second in known:
                file.write(f"{trial.label} {trial.first} {trial.second}\n")
                kept += 1
            else:
                lost += 1
    if not kept:
        raise DataError(path.name, f"none of {lost} trials usable", "their recordings")
    if lost:
        report.warned.append(
            f"{path.name}: {lost} of {kept + lost} trials left out, a recording is not there or bad"
        )


def make_trials(
    utterances: Iterable[Utterance],
    targets_per_speaker: int,
    seed: int,
    languages: Mapping[str, str] | None = None,
) -> list[Trial]:
    """Trials without repetition, target ones first; as many as there are where there are fewer.

    Of each speaker `targets_per_speaker` target trials, and four times as many non-target ones,
    three quarters of them between speakers of one gender and age group, and of one language where
    `languages` has that of each utterance: another language tells two people apart too well.
    """

    def kind(utterance: Utterance) -> tuple[str, ...]:
        return *group_of(utterance), (languages or {}).get(utterance.id, "")

    generator = random.Random(seed)
    same: dict[str, list[tuple[str, str]]] = defaultdict(list)
    alike: list[tuple[str, str]] = []
    unlike: list[tuple[str, str]] = []
    for first, second in combinations(sorted(utterances, key=lambda u: u.id), 2):
        pair = (first.id, second.id)
        if first.speaker == second.speaker:
            same[first.speaker].append(pair)
        else:
            (alike if kind(first) == kind(second) else unlike).append(pair)
    targets = [
        pair
        for _, pairs in sorted(same.items())
        for pair in generator.sample(pairs, min(targets_per_speaker, len(pairs)))
    ]
    wanted = NONTARGETS_PER_TARGET * len(targets)
    nontargets = generator.sample(alike, min(wanted * 3 // 4, len(alike)))
    nontargets += generator.sample(unlike, min(wanted - wanted * 3 // 4, len(unlike)))
    return [Trial(1, *pair) for pair in sorted(targets)] + [
        Trial(0, *pair) for pair in sorted(nontargets)
    ]


def group_of(utterance: Utterance) -> tuple[str, str]:
    """Gender and age group, `None` if unknown."""
    return str(utterance.gender), str(utterance.age_group)
