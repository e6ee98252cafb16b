"""LibriSpeech (OpenSLR 12) and mini LibriSpeech (31): a folder a part, and speakers to validate on.

OUT/train-clean-5, OUT/test-clean … are the parts that are there; OUT/train is all training parts
less the held-out speakers, and OUT/validation these. All but OUT/train get `trials`, and those
without training speakers get `sentences.tsv` and `conversions.tsv`.
"""

from collections.abc import Sequence
from pathlib import Path

from lhotse import RecordingSet

from joint.data.choices import SENTENCE_COUNT, Check
from joint.data.corpus import RECORDINGS, Utterance
from joint.data.prepare.manifests import PrepareReport, write_skipped, write_split, written_whole
from joint.data.prepare.speech_pairs import write_speech_pairs
from joint.data.prepare.splits import hold_out_by_gender, refuse_overlap
from joint.data.prepare.subset import write_subset
from joint.data.prepare.tables import write_tables
from joint.data.prepare.trials import write_trials
from recipes.librispeech.sources import unique
from recipes.librispeech.tree import Tree, read_projects
from recipes.librispeech.trials import chapter_of, make_trials

SEED = 762
SHARE, LEAST, MOST = 7, 4, 50
"""Unless a number is given one training speaker in seven is held out: at least four, since trials
need two of each gender, and at most fifty; of fewer than eight speakers none."""


def prepare(
    librispeech: str | Path,
    output: str | Path,
    parts: Sequence[str] = (),
    held_out: int | None = None,
    check: Check = Check.FULL,
    jobs: int = 1,
    sentences: int = SENTENCE_COUNT,
) -> PrepareReport:
    """Check the `parts` (none named: all that are there) and write them into `output`, whole or not
    at all.

    `held_out` speakers of the training parts, as many of each gender, become `validation` (0:
    none; None: one in seven, 4 to 50); `train` is the others. `sentences` is the number of rows of
    the lists for synthesis and conversion (0: no lists). Bad recordings are skipped and listed in
    `skipped.tsv`. Raises DataError for a part that is not there, a chapter without
    transcripts, a recording without a text, a broken SPEAKERS.TXT or CHAPTERS.TXT, and for a
    training speaker who is in another part too.
    """
    tree = Tree.open(librispeech)
    tree.require(parts)
    projects = read_projects(tree.root / "CHAPTERS.TXT")
    chosen = list(dict.fromkeys(parts)) or tree.parts
    utterances = {part: list(tree.utterances(part)) for part in chosen}
    others = [u for part, rows in utterances.items() if not _trains(part) for u in rows]
    train = [u for part, rows in utterances.items() if _trains(part) for u in rows]
    refuse_overlap(tree.root, train=train, others=others)
    report = PrepareReport(Path(output), warned=tree.warnings())
    with written_whole(output) as partial:
        kept = {}
        for part, rows in utterances.items():
            custom = {u.id: _chapter_fields(u, projects) for u in rows}
            kept[part] = write_split(
                partial / part, rows, report, part, custom, "English", check, jobs
            )
            _write_lists(partial / part, kept[part], report)
            if not _trains(part):
                write_speech_pairs(partial / part, sentences, SEED)
        training = [part for part in chosen if _trains(part)]
        if training:
            everybody = unique(u for part in training for u in kept[part])
            _write_training(partial, training, everybody, held_out, report)
            if (partial / "validation").is_dir():
                write_speech_pairs(partial / "validation", sentences, SEED)
        write_skipped(partial, report)
    return report


def _trains(part: str) -> bool:
    return part.startswith("train-")


def _chapter_fields(utterance: Utterance, projects: dict[str, str]) -> dict[str, str]:
    chapter = chapter_of(utterance)
    return {"chapter": chapter} | ({"project": projects[chapter]} if chapter in projects else {})


def _write_lists(folder: Path, kept: list[Utterance], report: PrepareReport) -> None:
    """Tables and `trials`; trials need two utterances of a speaker, and two of one gender."""
    write_tables(folder, kept)
    trials = make_trials(kept, SEED)
    if {trial.label for trial in trials} == {0, 1}:
        write_trials(folder / "trials", trials)
    else:
        report.warned.append(f"{folder.name}: no pair of one speaker, or of one gender: no trials")


def _write_training(
    partial: Path,
    parts: Sequence[str],
    everybody: list[Utterance],
    held_out: int | None,
    report: PrepareReport,
) -> None:
    """`train` and `validation` of the recordings that the parts have in their manifests."""
    speakers = len({utterance.speaker for utterance in everybody})
    if held_out is None:
        count = min(max(speakers // SHARE, LEAST), MOST) if speakers >= 2 * LEAST else 0
    else:
        count = held_out
    train, validation = hold_out_by_gender(everybody, count, SEED)
    found = len({utterance.speaker for utterance in validation})
    if found < count or (held_out is None and not found):
        asked = f"{count}" if count else "any"
        report.warned.append(
            f"{speakers} speakers are too few to hold out {asked}: {found} become validation"
        )
    for name, rows in {"train": train, "validation": validation}.items():
        if not rows:
            continue
        folder = partial / name
        write_subset([partial / part for part in parts], {u.id for u in rows}, folder)
        if name == "train":
            write_tables(folder, rows)
        else:
            _write_lists(folder, rows, report)
        recordings = RecordingSet.from_jsonl_lazy(folder / RECORDINGS)
        report.utterances[name] = len(rows)
        report.speakers[name] = len({utterance.speaker for utterance in rows})
        report.hours[name] = sum(recording.duration for recording in recordings) / 3600
