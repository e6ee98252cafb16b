"""Pairs the people of a folder of pictures with the speakers of corpora, and lists trials.

    python -m recipes.audiovisual.prepare PICTURES OUT --train data/speechocean762/train
        --validation data/speechocean762/validation --test data/speechocean762/test

PICTURES holds a folder of two pictures or more for each person and, where it is known,
`genders.tsv` with a line `PERSON f` or `PERSON m` for each: a person is then paired with a speaker
of that gender. Nobody is in two splits. Writes `OUT/{train,validation,test}/items.tsv` and
`trials`, and `OUT/skipped.tsv`, the pictures without a face or with several.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from joint.data.opening import open_corpus
from joint.data.prepare.trials import write_trials
from joint.errors import ConfigError, DataError
from joint.files import atomic_write, check_folder, read_lines
from joint.terminal import errors_in_one_line, warn
from recipes.audiovisual.people import Item, People, make_trials, paired
from recipes.speechocean762.studies.command import study_parser
from tasks.audiovisual.faces.dlib_models import DlibDetector
from tasks.audiovisual.faces.face import Detector

SPLITS = ("test", "validation", "train")
"""In the order in which they draw people: those with the most pictures are tested."""
ITEMS, TRIALS, SKIPPED = "items.tsv", "trials", "skipped.tsv"
HEADER = ("person", "corpus", "utterance", "picture")


def prepare(
    pictures: Path,
    output: Path,
    splits: Mapping[str, Sequence[Path]],
    detector: Detector,
    utterances: int = 6,
    most: int = 4,
    seed: int = 0,
) -> dict[str, list[Item]]:
    """Write `items.tsv` and `trials` of each split; `splits` are the prepared folders of corpora.

    Each speaker gets at most `utterances`, and `most` pictures of one person. Raises DataError for
    a folder without people, or with fewer than there are speakers.
    """
    if utterances < 2 or most < 2:
        raise ConfigError("--utterances, --pictures", f"{utterances}, {most}", "2 or more")
    check_folder(output)
    people = People(pictures, detector, most, seed)
    made = {}
    for name in SPLITS:
        corpora = {folder.absolute(): open_corpus(folder).utterances for folder in splits[name]}
        made[name] = paired(people, name, corpora, utterances)
    for name, items in made.items():
        rows = [(i.person, str(i.corpus), i.utterance.id, str(i.picture.absolute())) for i in items]
        lines = ["\t".join(row) for row in (HEADER, *rows)]
        atomic_write(output / name / ITEMS, "\n".join(lines) + "\n")
        write_trials(output / name / TRIALS, make_trials(items, seed))
    lines = ["\t".join((s.split, s.utterance, s.reason)) for s in people.skipped]
    atomic_write(output / SKIPPED, "\n".join(["split\tpicture\treason", *lines]) + "\n")
    if people.skipped:
        warn(f"{len(people.skipped)} pictures without one face skipped: {output / SKIPPED}")
    return made


def read_items(folder: Path) -> list[Item]:
    """The items of a split that `prepare` wrote. Raises DataError for another file, a corpus that
    cannot be opened and an utterance that is not in it."""
    path = folder / ITEMS
    rows = [
        line.split("\t")
        for line in read_lines(path, "a list that recipes.audiovisual.prepare wrote")
    ]
    if not rows or tuple(rows[0]) != HEADER:
        raise DataError(
            path, repr("\t".join(rows[0])[:80]) if rows else "no line", " ".join(HEADER)
        )
    for number, fields in enumerate(rows, start=1):
        if len(fields) != len(HEADER):
            raise DataError(f"{path}:{number}", f"{len(fields)} fields", f"{len(HEADER)} fields")
    rows = rows[1:]
    corpora = {where: open_corpus(where) for where in {row[1] for row in rows}}
    items = []
    for number, (person, where, utterance, picture) in enumerate(rows, start=2):
        if utterance not in corpora[where].by_id:
            raise DataError(f"{path}:{number}", f"unknown utterance {utterance}", f"one of {where}")
        row = corpora[where].by_id[utterance]
        items.append(Item(person, Path(where), row, Path(picture)))
    return items


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser: argparse.ArgumentParser = study_parser(__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("output", type=Path)
    for name in reversed(SPLITS):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--utterances", type=int, default=6, help="of each speaker")
    parser.add_argument("--pictures", type=int, default=4, help="of each person", dest="most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    splits = {name: getattr(given, name) for name in SPLITS}
    options = (given.utterances, given.most, given.seed)
    made = prepare(given.pictures, given.output, splits, DlibDetector(), *options)
    for name, items in made.items():
        print(f"{name}: {len({i.person for i in items})} people, {len(items)} items")


if __name__ == "__main__":
    with errors_in_one_line():
        main()
