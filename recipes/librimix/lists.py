"""LibriMix's mixtures as lists of this project: conversations, and extraction."""

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.errors import DataError
from joint.files import atomic_path
from joint.units import SAMPLE_RATE, Hertz
from recipes.librimix.choices import Mode
from recipes.librimix.enrollments import Enrollment, Enrollments
from recipes.librimix.mixtures import Levels, Mixture
from recipes.librispeechmix.lists import write_usable
from tasks.extraction.mixtures import COLUMNS, OPTIONAL, THIRD
from tasks.recognition.conversations.lists import Conversation, Turn

SEED = 762


@dataclass(frozen=True, slots=True)
class Levelled:
    """A mixture and the levels of its utterances."""

    mixture: Mixture
    levels: Levels


@dataclass(frozen=True)
class Version:
    """Which of LibriMix's versions the list of extraction is."""

    mode: Mode = Mode.MIN
    rate: Hertz = SAMPLE_RATE


def write_lists(
    folder: Path,
    speakers: int,
    rows: Sequence[Levelled],
    published: Enrollments | None,
    kept: Sequence[Utterance],
    version: Version,
    report: PrepareReport,
) -> None:
    """`mixN_recognition.csv`, the mode `max` at 16 kHz; for two and three speakers
    `mixN_extraction.csv`.

    Only mixtures whose recordings are among `kept`. Each speaker is enrolled with another recording
    of these, drawn with a fixed seed; where there is a `published` map, for extraction as it says.
    A version of 8 kHz has no list of recognition. Raises DataError where no row is left.
    """
    drawn = _drawn(rows, kept)
    known = {utterance.id for utterance in kept}
    if version.rate == SAMPLE_RATE:
        conversations = [_conversation(row, drawn) for row in rows]
        write_usable(folder / f"mix{speakers}_recognition.csv", conversations, known, report)
    if speakers <= 3:
        enrolled, name = drawn if published is None else published, f"mix{speakers}_extraction.csv"
        write_extraction(folder / name, rows, enrolled, known, version, report)


def write_extraction(
    path: Path,
    rows: Sequence[Levelled],
    enrolled: Enrollments,
    known: set[str],
    version: Version,
    report: PrepareReport,
) -> None:
    """`mix2_extraction.csv`, or `mix3_…`, of the rows whose recordings and enrolments are `known`;
    how many targets are left out is warned. Raises DataError where none is left."""
    by_name = {row.mixture.mix_id: row for row in rows}
    speakers = len(rows[0].mixture.utterances)
    columns = (*COLUMNS, *(THIRD if speakers == 3 else ()), *OPTIONAL)
    written = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            if not known.issuperset(row.mixture.utterances):
                continue
            for target in range(speakers):
                own = _enrollment_fields(row, target, enrolled, by_name, known, version)
                if own is None:
                    continue
                writer.writerow(
                    own
                    | _interferer_fields(row, target)
                    | {
                        "mix_id": f"{row.mixture.mix_id}_s{target + 1}",
                        "target": row.mixture.utterances[target],
                        "gain_db": f"{row.levels.gains_db[target]:.5f}",
                        "mode": version.mode.value,
                        "sample_rate": version.rate,
                    }
                )
                written += 1
    if not written:
        found = f"none of {speakers * len(rows)} targets usable"
        raise DataError(path.name, found, "their recordings")
    if lost := speakers * len(rows) - written:
        report.warned.append(
            f"{path.name}: {lost} of {speakers * len(rows)} targets left out, without enrolment, "
            "or a recording is not there or bad"
        )


def _interferer_fields(row: Levelled, target: int) -> dict[str, object]:
    """The columns of the one or two others, and of the target's SNR against each."""
    names, powers = row.mixture.utterances, row.levels.powers_db
    others = [other for other in range(len(names)) if other != target]
    found: dict[str, object] = {}
    for other, prefix in zip(others, ("", "second_"), strict=False):
        snr_db = f"{powers[target] - powers[other]:.5f}"
        found |= {f"{prefix}interferer": names[other], f"{prefix}snr_db": snr_db}
    return found


def _enrollment_fields(
    row: Levelled,
    target: int,
    enrolled: Enrollments,
    by_name: Mapping[str, Levelled],
    known: set[str],
    version: Version,
) -> dict[str, object] | None:
    """The columns of a target's enrolment; None where it has none that can be used."""
    chosen = enrolled.get((row.mixture.mix_id, row.mixture.utterances[target]))
    if chosen is None or chosen.utterance not in known:
        return None
    if chosen.mixture is None:
        return {"enrollment": chosen.utterance}
    source = by_name.get(chosen.mixture)
    if source is None:
        return None
    place = source.mixture.utterances.index(chosen.utterance)
    return {
        "enrollment": chosen.utterance,
        "enrollment_gain_db": f"{source.levels.gains_db[place]:.5f}",
        # In the mode max the generated source is padded with zeros, which no encoder should get.
        "enrollment_samples": source.levels.shortest if version.mode is Mode.MIN else "",
    }


def _conversation(row: Levelled, enrolled: Enrollments) -> Conversation:
    """All start at once."""
    mix_id, turns = row.mixture.mix_id, []
    for utterance, gain_db in zip(row.mixture.utterances, row.levels.gains_db, strict=True):
        chosen = enrolled.get((mix_id, utterance))
        turns.append(Turn(utterance, 0, chosen.utterance if chosen else None, gain_db))
    return Conversation(mix_id, tuple(turns), row.mixture.line)


def _drawn(rows: Iterable[Levelled], kept: Iterable[Utterance]) -> Enrollments:
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
                chosen[row.mixture.mix_id, name] = Enrollment(generator.choice(others))
    return chosen
