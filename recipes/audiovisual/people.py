"""Pictures of people in folders, and who of them is paired with which speaker."""

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from joint.data.corpus import Utterance
from joint.data.prepare.manifests import Skipped
from joint.data.prepare.trials import Trial, read_rows
from joint.errors import DataError
from tasks.audiovisual.faces.face import ONE, Detector
from tasks.audiovisual.faces.reading import ENDINGS, read_picture

GENDERS = "genders.tsv"
FEWEST = 2
"""Pictures of a person: two sides of a trial."""
NONTARGETS_PER_TARGET = 10


@dataclass(frozen=True)
class Item:
    """One side of a trial: an utterance of a speaker and a picture of the person paired with it."""

    person: str
    corpus: Path
    utterance: Utterance
    picture: Path

    @property
    def name(self) -> str:
        """Of this side in a list of trials."""
        return f"{self.utterance.id}+{self.picture.stem}".replace(" ", "_")


@dataclass
class People:
    """The people of a folder, each with a folder of pictures, in an order drawn from `seed`: those
    with `most` pictures or more first, none with less than the `fewest`. What is no picture of one
    face is skipped and listed.

    Raises DataError for a folder without people.
    """

    folder: Path
    detector: Detector
    most: int
    seed: int
    fewest: int = FEWEST
    skipped: list[Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        found = {
            own.name: sorted(p for p in own.iterdir() if p.suffix.lower() in ENDINGS)
            for own in (sorted(self.folder.iterdir()) if self.folder.is_dir() else ())
            if own.is_dir()
        }
        found = {name: files for name, files in found.items() if len(files) >= self.fewest}
        if not found:
            expected = f"a folder of {self.fewest} pictures or more for each person"
            raise DataError(self.folder, "no such folder", expected)
        self.genders = read_genders(self.folder / GENDERS)
        drawn = random.Random(self.seed).sample(sorted(found), len(found))
        drawn.sort(key=lambda name: -min(len(found[name]), self.most))
        queues: dict[str | None, list[str]] = defaultdict(list)
        for name in drawn:
            queues[self.genders.get(name)].append(name)
        self._queues = {gender: iter(names) for gender, names in queues.items()}
        self._files = found

    def pictures(self, split: str, gender: str | None) -> list[Path]:
        """At most `most` pictures of the next person, of `gender` where genders are known.

        Raises DataError where there is nobody left.
        """
        wanted = gender if self.genders else None
        for name in self._queues.get(wanted, iter(())):
            usable = list(self._usable(split, name))
            if len(usable) >= self.fewest:
                return usable
        kind = f" of gender {wanted}" if wanted else ""
        raise DataError(self.folder, f"too few people{kind}", "as many as speakers")

    def _usable(self, split: str, name: str) -> Iterator[Path]:
        count = 0
        for path in self._files[name]:
            if count == self.most:
                return
            try:
                if found := len(self.detector(read_picture(path))) - 1:
                    raise DataError(path, f"{found + 1} faces", ONE)
            except DataError as error:
                self.skipped.append(Skipped(split, path.stem, str(error)))
                continue
            count += 1
            yield path


def read_genders(path: Path) -> dict[str, str]:
    """`f` or `m` of each person, from lines `PERSON GENDER`; none where there is no such file.
    Raises DataError for other lines."""
    if not path.is_file():
        return {}
    genders = {}
    for where, (name, gender) in read_rows(path, 2):
        if gender not in ("f", "m"):
            raise DataError(where, repr(gender), "f or m")
        genders[name] = gender
    return genders


def paired(
    people: People, split: str, corpora: Mapping[Path, Sequence[Utterance]], utterances: int
) -> list[Item]:
    """Every speaker of the corpora with the next person: `utterances` of each, drawn from the
    seed, each with one of the person's pictures in turn; speakers with fewer than two are left out.

    Raises DataError where there are too few people.
    """
    generator = random.Random(people.seed)
    items = []
    for corpus, rows in corpora.items():
        own: dict[str, list[Utterance]] = defaultdict(list)
        for row in sorted(rows, key=lambda u: u.id):
            own[row.speaker].append(row)
        for spoken in own.values():
            if len(spoken) < FEWEST:
                continue
            pictures = people.pictures(split, spoken[0].gender)
            drawn = generator.sample(spoken, min(utterances, len(spoken)))
            items += [
                Item(pictures[0].parent.name, corpus, row, pictures[i % len(pictures)])
                for i, row in enumerate(drawn)
            ]
    return items


def make_trials(items: Iterable[Item], seed: int) -> list[Trial]:
    """All target trials of two utterances and two pictures, then ten times as many non-target ones
    between people of one gender and one corpus, or all where there are fewer."""
    kinds: dict[tuple[Path, str | None], list[Item]] = defaultdict(list)
    for item in items:
        kinds[item.corpus, item.utterance.gender].append(item)
    targets, others = [], []
    for group in kinds.values():
        for i, one in enumerate(group):
            for other in group[i + 1 :]:
                if one.person != other.person:
                    others.append((one.name, other.name))
                elif one.picture != other.picture:
                    targets.append((one.name, other.name))
    count = min(len(others), NONTARGETS_PER_TARGET * len(targets))
    drawn = sorted(random.Random(seed).sample(others, count))
    return [Trial(1, *pair) for pair in targets] + [Trial(0, *pair) for pair in drawn]
