"""VoxCeleb1 and VoxCeleb2 into lhotse manifests, Kaldi tables and the trial lists O, E and H.

The corpus's folder holds both parts however they were unpacked (`voxceleb1/dev/wav/id10001/…`,
`wav/id10001/…`, `voxceleb2/dev/aac/id00012/…`), the trial lists and, where present, the tables
`vox1_meta.csv` and `vox2_meta.csv`.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from joint.data.choices import HELD_OUT, Check
from joint.data.corpus import Utterance
from joint.data.prepare.manifests import PrepareReport
from joint.data.prepare.speaker_corpus import SpeakerCorpus, write_corpus
from joint.data.prepare.trials import Trial, label_of, read_rows
from joint.errors import DataError
from joint.files import read_lines
from recipes.voxceleb.parts import TrainOn
from recipes.voxceleb.tree import Clip, find_clips, find_file, find_speakers

LISTS = {
    "trials_O": "veri_test2.txt",
    "trials_E": "list_test_all2.txt",
    "trials_H": "list_test_hard2.txt",
}
"""The cleaned lists: Vox1-O tests the 40 speakers of VoxCeleb1's test split, Vox1-E and Vox1-H
all of VoxCeleb1."""

FIRST_OF_VOXCELEB1 = "id10001"
"""Speakers of VoxCeleb2 have smaller numbers."""


def prepare(
    corpus: str | Path,
    output: str | Path,
    train_on: TrainOn = TrainOn.VOXCELEB2,
    held_out: int = HELD_OUT,
    check: Check = Check.FULL,
    jobs: int = 1,
) -> PrepareReport:
    """Check the corpus and write `train`, `validation` and `test` with its trials into `output`.

    `train_on` takes the dev splits; without them `test` alone is written. Raises DataError for a
    missing VoxCeleb1 or list, for speakers in train and test, and for a VoxCeleb2 that is m4a
    alone.
    """
    root = Path(corpus)
    speakers = find_speakers(root)
    first = {name: folders for name, folders in speakers.items() if name >= FIRST_OF_VOXCELEB1}
    second = {name: folders for name, folders in speakers.items() if name < FIRST_OF_VOXCELEB1}
    wanted = list(LISTS) if train_on is TrainOn.VOXCELEB2 else ["trials_O"]
    lists = {name: find_file(root, LISTS[name]) for name in wanted}
    listed = {name: path for name, path in lists.items() if path is not None}
    if "trials_O" not in listed:
        raise DataError(root, f"no {LISTS['trials_O']}", "the list of Vox1-O beside the corpus")
    tested = {u for path in listed.values() for t in read_list(path) for u in (t.first, t.second)}
    tested_speakers = {name.split("-")[0] for name in tested}
    genders, splits = read_meta(root)
    trained: dict[str, list[Path]] = {}
    if train_on is not TrainOn.VOXCELEB1:
        trained |= {name: second[name] for name in second if splits.get(name, "dev") == "dev"}
    if train_on is not TrainOn.VOXCELEB2:
        trained |= {name: first[name] for name in first if name not in tested_speakers}
    if not first:
        raise DataError(root, "no speaker of voxceleb1", "folders id10001 …")
    test = {name: folders for name, folders in first.items() if name in tested_speakers}
    return write_corpus(
        SpeakerCorpus(
            where=root,
            train=[_utterance(clip, genders) for clip in find_clips(root, trained)],
            test=[_utterance(c, genders) for c in find_clips(root, test) if c.id in tested],
            trials={name: partial(read_list, path) for name, path in listed.items()},
            warned=[
                f"no {LISTS[name]} in {root}: no {name}" for name in wanted if name not in listed
            ],
        ),
        output,
        held_out,
        check,
        jobs,
    )


def read_list(path: Path) -> Iterator[Trial]:
    """`1 id10270/x6uYqmx31kE/00001.wav id10270/8jEAjG6SegY/00008.wav`. Raises DataError."""
    for where, (label, first, second) in read_rows(path, 3):
        yield Trial(label_of(where, label), utterance_id(where, first), utterance_id(where, second))


def utterance_id(where: str, listed: str) -> str:
    """`id10270-x6uYqmx31kE-00001` of `id10270/x6uYqmx31kE/00001.wav`. Raises DataError."""
    name, dot, _ = listed.rpartition(".")
    if not dot or name.count("/") != 2:
        raise DataError(where, repr(listed), "SPEAKER/VIDEO/UTTERANCE.wav")
    return name.replace("/", "-")


def read_meta(root: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Gender (`m` or `f`) and set (`dev` or `test`) of the speakers that the tables name.

    `vox1_meta.csv` has tabs between its columns, `vox2_meta.csv` commas with blanks. Raises
    DataError for a table without the columns Gender and Set.
    """
    genders: dict[str, str] = {}
    splits: dict[str, str] = {}
    for name in ("vox1_meta.csv", "vox2_meta.csv"):
        path = find_file(root, name)
        if path is None:
            continue
        lines = read_lines(path, "columns of text")
        rows = [[c.strip() for c in line.replace("\t", ",").split(",")] for line in lines if line]
        if not rows or not {"Gender", "Set"} <= set(rows[0]):
            raise DataError(path, "another header", "columns Gender and Set")
        gender, split = rows[0].index("Gender"), rows[0].index("Set")
        for number, row in enumerate(rows[1:], start=2):
            if len(row) != len(rows[0]):
                raise DataError(f"{path}:{number}", f"{len(row)} columns", str(len(rows[0])))
            genders[row[0]], splits[row[0]] = row[gender], row[split]
    return genders, splits


def _utterance(clip: Clip, genders: dict[str, str]) -> Utterance:
    return Utterance(clip.id, str(clip.path), clip.speaker, "", genders.get(clip.speaker))
