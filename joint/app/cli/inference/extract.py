"""`joint extract`: the speech of one enrolled person, or of all of a database, from a mixture."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.checked import check_places
from joint.app.cli.inference.person import Person, PersonDatabase, PersonName, enrolled_in
from joint.app.cli.options import SHIPPED, Checkpoint, Engine, Json
from joint.app.shared.wording import presence_text
from joint.errors import CheckpointError, ConfigError, DataError, JointError
from joint.files import atomic_path, file_name, write_json

if TYPE_CHECKING:
    from joint.app.results import Extraction


def extract(
    mixture: Annotated[
        Path,
        typer.Option(
            "--mixture", metavar="M.wav", help="A recording in which several speakers talk."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="O.wav",
            help="The extracted speech, a 16 kHz WAV file; with --all a folder, in which NAME.wav "
            "is that of NAME.",
        ),
    ],
    enrollments: Annotated[
        list[Path] | None,
        typer.Option(
            "--enrollment",
            metavar="E.wav",
            help="A recording in which only the target speaker talks, with >= 0.5 s of speech; a "
            "few seconds are better. May be repeated: several of one speaker.",
        ),
    ] = None,
    database: PersonDatabase = None,
    name: PersonName = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Extract everybody in the --database, each to a file.")
    ] = False,
    skip_absent: Annotated[
        bool,
        typer.Option("--skip-absent", help="Write no file of a speaker who is not present."),
    ] = False,
    json: Json = None,
    checkpoint: Checkpoint = SHIPPED,
    engine: Engine = "auto",
) -> None:
    """Extract the target speaker's speech from a mixture and write it to a file.

    The output is as long and as loud as in the mixture. What is printed says whether the target
    speaker is present in the mixture, as far as the checkpoint can tell. An enrolment without
    speech, one that is the mixture and one that is certainly of several people is refused; where
    several people seem to talk in it there is a warning. Audio may have any sample rate and any
    number of channels. CHECKPOINT may also be an extractor that `joint export` wrote, with the
    encoder beside it.

    Example: joint extract --mixture meeting.wav --enrollment anna.wav --output anna_only.wav
    """
    from joint.app.engine.choosing import open_extractor
    from joint.app.shared.enrolling import refuse_same
    from joint.app.shared.extraction import TARGET_ALONE, THE_MIXTURE
    from joint.audio import encode_audio
    from joint.inspection.domain import EXTRACTION_SPEECH
    from joint.inspection.reading import inspect_recording
    from joint.training.progress import shown

    files = enrollments or []
    if everyone:
        known = _known(files, database, name, output)
        places = {one: output / f"{file_name(one)}.wav" for one in known}
        check_places(places.values(), [mixture], [json] if json else [])
    else:
        person, places = Person.asked(files, database, name, EXTRACTION_SPEECH), {"": output}
    mixed = inspect_recording(mixture)
    for enrolled in () if everyone else person.recordings:
        refuse_same(mixed, enrolled, THE_MIXTURE, TARGET_ALONE)
    model = open_extractor(checkpoint, engine)
    if skip_absent and model.presence is None:
        found = "no decision on presence in its metadata"
        raise CheckpointError(model.path, found, "one, or no --skip-absent")
    if everyone:
        assert database is not None
        people = enrolled_in(database, model, list(places))
        results = shown(model.extractions(mixed, people), "extract", True, len(people))
    else:
        results = iter([("", model.extraction(mixed, person.enrolled(model)))])
    written, lines = [], []
    with ExitStack() as files_of_all:  # each is there when the last one is done
        for one, result in results:
            place = None if skip_absent and result.present is False else places[one]
            if place is not None:
                content = encode_audio(result.waveform, place)
                files_of_all.enter_context(atomic_path(place)).write_bytes(content)
            lines.append(_line(one, place, result))
            figures = {"presence": result.presence, "present": result.present}
            written.append({"name": one or name, "file": place and str(place), **figures})
    print("\n".join(lines))
    if json:
        write_json(json, {"mixture": str(mixture), "extracted": written})


def _known(files: list[Path], database: Path | None, name: str | None, output: Path) -> list[str]:
    """The names in the database, for --all. Raises ConfigError and DataError."""
    from tasks.verification.enrolment.files import read_database

    given = {"--enrollment": files or None, "--name": name}
    options = [option for option, value in given.items() if value is not None]
    if database is None or options:
        found = " and ".join(["--all", *(["--database"] if database else []), *options])
        raise ConfigError("--all", found, "--all --database DB alone")
    if output.exists() and database.exists() and output.samefile(database):
        raise JointError(output, "the speaker database", "another folder")
    names = list(read_database(database).speakers)
    if not names:
        raise DataError(database, "no enrolled speakers", "at least one")
    return names


def _line(name: str, place: Path | None, result: "Extraction") -> str:
    """What is printed of a person: the file, and whether the person is present."""
    where = name if place is None else str(place)
    return ": ".join(part for part in (where, presence_text(result)) if part)
