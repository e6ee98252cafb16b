"""LibriMix's mixtures as lists of this project: conversations, and two-speaker extraction."""

import csv
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.files import atomic_path
from recipes.librimix.mixtures import Levels, Mixture
from recipes.librispeechmix.lists import write_usable
from tasks.extraction.mixtures import COLUMNS
from tasks.recognition.conversations.lists import Conversation, Turn

SEED = 762


@dataclass(frozen=True, slots=True)
class Levelled:
    """A mixture and the levels of its utterances."""

    mixture: Mixture
    levels: Levels


def write_lists(
    folder: Path,
    speakers: int,
    rows: list[Levelled],
    kept: list[Utterance],
    report: PrepareReport,
) -> None:
    """`mixN_recognition.csv`: the mode `max`; for two speakers `mix2_extraction.csv`: `min`.

    Only mixtures whose recordings are among `kept`; each speaker is enrolled with another of
    these, and is the target of extraction once. Raises DataError where none is left.
    """
    enrolled = _enrollments(rows, kept)
    known = {utterance.id for utterance in kept}
    name = f"mix{speakers}_recognition.csv"
    conversations = [_conversation(row, enrolled) for row in rows]
    write_usable(folder / name, conversations, known, report)
    if speakers == 2:
        usable = [row for row in rows if known.issuperset(row.mixture.utterances)]
        _write_extraction(folder / "mix2_extraction.csv", usable, enrolled)


def _conversation(row: Levelled, enrolled: dict[tuple[str, str], str]) -> Conversation:
    """All start at once."""
    mix_id = row.mixture.mix_id
    turns = (
        Turn(utterance, 0, enrolled.get((mix_id, utterance)), gain_db)
        for utterance, gain_db in zip(row.mixture.utterances, row.levels.gains_db, strict=True)
    )
    return Conversation(mix_id, tuple(turns), row.mixture.line)


def _write_extraction(
    path: Path, rows: Iterable[Levelled], enrolled: dict[tuple[str, str], str]
) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            mix_id, utterances = row.mixture.mix_id, row.mixture.utterances
            for target, other in ((0, 1), (1, 0)):
                if enrollment := enrolled.get((mix_id, utterances[target])):
                    snr_db = row.levels.powers_db[target] - row.levels.powers_db[other]
                    names = (f"{mix_id}_s{target + 1}", utterances[target], utterances[other])
                    writer.writerow((*names, enrollment, f"{snr_db:.5f}"))


def _enrollments(rows: Iterable[Levelled], kept: Iterable[Utterance]) -> dict[tuple[str, str], str]:
    """By mixture and utterance another utterance of the speaker, whatever else is in the list."""
    own: dict[str, list[str]] = defaultdict(list)
    speaker = {}
    for utterance in sorted(kept, key=lambda u: u.id):
        own[utterance.speaker].append(utterance.id)
        speaker[utterance.id] = utterance.speaker
    chosen = {}
    for row in rows:
        for name in row.mixture.utterances:
            others = [other for other in own[speaker.get(name, "")] if other != name]
            if others:
                generator = random.Random(f"{SEED} {row.mixture.mix_id} {name}")
                chosen[row.mixture.mix_id, name] = generator.choice(others)
    return chosen
