"""The enrolled person of `joint extract`, `joint synthesize` and `joint convert`: by recordings, by
a name in a speaker database, or, where a voice is made, by an embedding in a file."""

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
FORMS = (["--enrollment"], ["--database", "--name"], ["--voice"], ["--voice", "--name"])
"""The options by which a person may be named."""
VoiceFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--voice",
        metavar="V.npz",
        help="In place of --enrollment: an embedding that `joint voice` or `joint embed` wrote; "
        "of several the one called --name.",
    ),
]
VoiceName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="The person in the database, or the embedding in V.npz."
    ),
]


@dataclass(frozen=True)
class Person:
    """The person that a command names."""

    recordings: "tuple[InspectedRecording, ...]"
    database: Path | None
    name: str | None
    voice: Path | None = None

    @classmethod
    def asked(
        cls,
        enrollments: Sequence[Path],
        database: Path | None,
        name: str | None,
        least: Seconds,
        voice: Path | None = None,
        takes_voice: bool = False,
    ) -> "Person":
        """The person of the options, read before a model is loaded; each recording must have
        `least` of speech. `takes_voice` where the command has the option --voice.

        Raises ConfigError unless there is an enrolment, or a database and a name, or a file of a
        voice; AudioError for an enrolment with too little speech; DataError for an unknown name.
        """
        from joint.inspection.domain import refuse_enrolment
        from joint.inspection.reading import inspect_recording
        from tasks.verification.enrolment.database import checked_name
        from tasks.verification.enrolment.files import read_database

        expected = "a recording, or a speaker database and a name in it"
        given = {"--enrollment": enrollments or None, "--database": database}
        if takes_voice:
            expected = "a recording, a voice, or a speaker database and a name in it"
            given |= {"--voice": voice}
        options = [o for o, v in {**given, "--name": name}.items() if v is not None]
        if options not in FORMS:
            found = " and ".join(options) or "none"
            raise ConfigError(", ".join([*given, "--name"]), found, expected)
        if voice is not None:
            from tasks.verification.stored import read_voice

            read_voice(voice, name)
            return cls((), None, name, voice)
        if not enrollments:
            assert database is not None and name is not None
            known = checked_name(name)
            read_database(database).typical_embedding(known)
            return cls((), database, known)
        recordings = tuple(map(inspect_recording, enrollments))
        for recording in recordings:
            refuse_enrolment(recording, least)
        return cls(recordings, None, "")

    def enrolled(self, model: "Judging") -> "Enrolled":
        """What the `model` knows the person by. Raises DataError for a database, or a file of
        embeddings, of another encoder."""
        if self.recordings:
            return self.recordings[0] if len(self.recordings) == 1 else self.recordings
        if self.voice is not None:
            from joint.task import Enrollment
            from tasks.verification.stored import read_voice

            return Enrollment.kept(read_voice(self.voice, self.name, model.identity))
        assert self.database is not None and self.name is not None
        return enrolled_in(self.database, model, [self.name])[self.name]


def enrolled_in(database: Path, model: "Judging", names: Sequence[str]) -> "dict[str, Enrolled]":
    """What the `model` knows people in a database by: the recordings that were kept, else the
    embedding. Raises DataError for an unknown name and a database of another encoder."""
    from joint.app.shared.people import known_by
    from tasks.verification.enrolment.files import read_database

    opened = read_database(database, model.identity)
    return {name: known_by(opened, name) for name in names}
