"""Published enrolments: SpeakerBeam's `map_mixture2enrollment`, a line for each mixture and target.

    4077-13754-0001_5142-33396-0065 4077-13754-0001 s1/4077-13754-0004_5142-36377-0020

The enrolment is a source of another mixture, here the first one, and is cut and scaled as there; or
it is an utterance of LibriSpeech, by its id or a path that ends with it.
https://github.com/BUTSpeechFIT/speakerbeam, egs/libri2mix/data/wav8k/min
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from joint.data.corpus import Corpus
from joint.data.prepare.trials import read_rows
from joint.errors import DataError
from recipes.librimix.mixtures import Mixture

NAME = "map_mixture2enrollment"
SOURCE = re.compile(r"s([1-9])/(\d+-\d+-\d+(?:_\d+-\d+-\d+)+)(?:\.wav)?")


@dataclass(frozen=True, slots=True)
class Enrollment:
    """An utterance, whole as recorded or, where `mixture` is one, as it is in that mixture."""

    utterance: str
    mixture: str | None = None


Enrollments = Mapping[tuple[str, str], Enrollment]
"""By mixture and target utterance."""


@dataclass(frozen=True)
class EnrollmentMap:
    """One file: `(where, mixture, target, enrolment)` of its lines; `named` by the user himself."""

    path: Path
    rows: tuple[tuple[str, str, str, str], ...]
    named: bool

    @classmethod
    def load(cls, path: Path, named: bool = True) -> "EnrollmentMap":
        """Read a map. Raises DataError for a line of other than three fields, for a target that
        stands twice, and for an empty file."""
        rows = tuple((where, f[0], f[1], f[2]) for where, f in read_rows(path, 3))
        if not rows:
            raise DataError(path, "no rows", "MIXTURE TARGET ENROLMENT in every line")
        seen: set[tuple[str, str]] = set()
        for where, mixture, target, _ in rows:
            if (mixture, target) in seen:
                raise DataError(where, f"{mixture} {target} a second time", "every target once")
            seen.add((mixture, target))
        return cls(path, rows, named)

    def about(self, mixtures: Iterable[str]) -> bool:
        """Whether its first mixture is one of these."""
        return self.rows[0][1] in mixtures

    def resolve(self, listed: Path, mixtures: Mapping[str, Mixture], corpus: Corpus) -> Enrollments:
        """The enrolment of each target, checked against the list of `mixtures` and the recordings.

        A target may be its own enrolment, as 71 of the published 6,000 of test are. Raises
        DataError for an unknown mixture, a target that is not in it, an unknown enrolment, and one
        of another speaker.
        """
        found = {}
        for where, name, target, enrolment in self.rows:
            if name not in mixtures:
                raise DataError(where, f"unknown mixture {name}", f"one of {listed}")
            if target not in mixtures[name].utterances:
                expected = " or ".join(mixtures[name].utterances)
                raise DataError(where, f"target {target} in mixture {name}", expected)
            chosen = _enrollment(where, enrolment, mixtures, corpus)
            speaker = corpus.by_id[chosen.utterance].speaker
            own = corpus.by_id[target].speaker
            if speaker != own:
                wrong = f"{enrolment} of speaker {speaker} to enrol {own}"
                raise DataError(where, wrong, "an utterance of the same speaker")
            found[name, target] = chosen
        return found


def find_maps(given: Sequence[str | Path]) -> list[EnrollmentMap]:
    """The maps that are files of `given`, and those below its folders. Raises DataError."""
    found = []
    for path in map(Path, given):
        if not path.is_dir():
            found.append(EnrollmentMap.load(path))
            continue
        below = sorted(path.rglob(NAME))
        if not below:
            raise DataError(path, f"no {NAME}", "such a file, or a folder with some below")
        found += [EnrollmentMap.load(path, named=False) for path in below]
    return found


def _enrollment(
    where: str, name: str, mixtures: Mapping[str, Mixture], corpus: Corpus
) -> Enrollment:
    if source := SOURCE.fullmatch(name):
        number, mixture = int(source[1]), source[2]
        if mixture in mixtures and number <= len(mixtures[mixture].utterances):
            return Enrollment(mixtures[mixture].utterances[number - 1], mixture)
        raise DataError(where, f"unknown source {name}", "s1 or s2 and a mixture of the list")
    utterance = Path(name).stem
    if utterance not in corpus.by_id:
        raise DataError(where, f"unknown utterance {name}", "s1/MIXTURE or an utterance's id")
    return Enrollment(utterance)
