"""The enrolled person of `joint extract`, `joint synthesize` and `joint convert`: by recordings, or
by a name in a speaker database."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.errors import ConfigError
from joint.units import Seconds

if TYPE_CHECKING:
    from joint.app.results import Enrolled
    from joint.app.shared.judging import Judging
    from joint.inspection.reading import InspectedRecording

PersonDatabase: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--database",
        metavar="DB",
        help="In place of --enrollment: a speaker database that `joint enroll` wrote, with --name.",
    ),
]
PersonName: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The person in the database."),
]


@dataclass(frozen=True)
class Person:
    """The person that a command names."""

    recordings: "tuple[InspectedRecording, ...]"
    database: Path | None
    name: str

    @classmethod
    def asked(
        cls,
        enrollments: Sequence[Path],
        database: Path | None,
        name: str | None,
        least: Seconds,
    ) -> "Person":
        """The person of the options, read before a model is loaded; each recording must have
        `least` of speech.

        Raises ConfigError unless there is an enrolment, or a database and a name; AudioError for an
        enrolment with too little speech; DataError for an unknown name.
        """
        from joint.inspection.domain import refuse_enrolment
        from joint.inspection.reading import inspect_recording
        from tasks.verification.enrolment.database import checked_name
        from tasks.verification.enrolment.files import read_database

        expected = "a recording, or a speaker database and a name in it"
        given = {"--enrollment": enrollments or None, "--database": database, "--name": name}
        options = [option for option, value in given.items() if value is not None]
        if options not in (["--enrollment"], ["--database", "--name"]):
            raise ConfigError(", ".join(given), " and ".join(options) or "none", expected)
        if not enrollments:
            assert database is not None and name is not None
            person = cls((), database, checked_name(name))
            read_database(database).typical_embedding(person.name)
            return person
        recordings = tuple(map(inspect_recording, enrollments))
        for recording in recordings:
            refuse_enrolment(recording, least)
        return cls(recordings, None, "")

    def enrolled(self, model: "Judging") -> "Enrolled":
        """What the `model` knows the person by. Raises DataError for a database of another
        encoder."""
        if self.recordings:
            return self.recordings[0] if len(self.recordings) == 1 else self.recordings
        assert self.database is not None
        return enrolled_in(self.database, model, [self.name])[self.name]


def enrolled_in(database: Path, model: "Judging", names: Sequence[str]) -> "dict[str, Enrolled]":
    """What the `model` knows people in a database by: the recordings that were kept, else the
    embedding. Raises DataError for an unknown name and a database of another encoder."""
    from joint.app.shared.people import known_by
    from tasks.verification.enrolment.files import read_database

    opened = read_database(database, model.identity)
    return {name: known_by(opened, name) for name in names}
