"""Whose voice it is, and other options that `joint synthesize` and `joint convert` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.app.manner import GRIFFIN_LIM
from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel
    from joint.inspection.reading import InspectedRecording
    from joint.task import Enrollment

VoiceRecording: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--enrollment",
        metavar="E.wav",
        help="A recording in which only the person talks whose voice it is to be, with >= 1 s of "
        "speech; several seconds are better.",
    ),
]
VoiceDatabase: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--database",
        metavar="DB",
        help="In place of --enrollment: a speaker database that `joint enroll` wrote, with --name.",
    ),
]
VoiceName: TypeAlias = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="The speaker in the database whose voice it is."),
]
VocoderName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--vocoder",
        metavar="NAME",
        help=f"`{GRIFFIN_LIM}`, which needs no training and sounds worse; by default the "
        "checkpoint's own vocoder.",
    ),
]

Steps: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--steps",
        metavar="N",
        help="Steps of a decoder that follows a flow, 1 to 100: fewer are faster, more are better "
        "up to a point; by default the checkpoint's own number.",
    ),
]
Seed: TypeAlias = Annotated[
    int,
    typer.Option(
        "--seed", metavar="N", help="Of what is drawn: the same seed gives the same speech."
    ),
]


@dataclass(frozen=True)
class Voice:
    """The person that a command names: by a recording, or by a name in a speaker database."""

    recording: "InspectedRecording | None"
    database: Path | None
    name: str

    @classmethod
    def asked(cls, enrollment: Path | None, database: Path | None, name: str | None) -> "Voice":
        """The person of the options, read before a model is loaded.

        Raises ConfigError unless there is an enrolment, or a database and a name; AudioError for an
        enrolment with too little speech; DataError for an unknown name.
        """
        from joint.inspection.domain import SYNTHESIS_SPEECH, refuse_enrolment
        from joint.inspection.reading import inspect_recording
        from tasks.verification.enrolment.database import checked_name
        from tasks.verification.enrolment.files import read_database

        expected = "a recording, or a speaker database and a name in it"
        given = {"--enrollment": enrollment, "--database": database, "--name": name}
        options = [option for option, value in given.items() if value is not None]
        if options not in (["--enrollment"], ["--database", "--name"]):
            raise ConfigError(", ".join(given), " and ".join(options) or "none", expected)
        if enrollment is None:
            assert database is not None and name is not None
            voice = cls(None, database, checked_name(name))
            read_database(database).typical_embedding(voice.name)
            return voice
        recording = inspect_recording(enrollment)
        refuse_enrolment(recording, SYNTHESIS_SPEECH)
        return cls(recording, None, "")

    def enrolled(self, model: "SpeakerModel") -> "InspectedRecording | Enrollment":
        """What the `model` knows the person by. Raises DataError for a database of another
        encoder."""
        from joint.task import Enrollment
        from tasks.verification.enrolment.files import read_database

        if self.recording is not None:
            return self.recording
        assert self.database is not None
        database = read_database(self.database, model.identity)
        return Enrollment.kept(database.typical_embedding(self.name))
