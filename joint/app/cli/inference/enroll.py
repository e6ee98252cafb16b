"""`joint enroll`: add a speaker to a speaker database."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, Database, open_model
from joint.app.shared.wording import enrolled_text
from joint.terminal import warn


def enroll(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The speaker's name, 1 to 100 characters.")
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Recordings in which only this speaker talks, each with >= 1 s of speech.",
        ),
    ],
    database: Database,
    checkpoint: Checkpoint = SHIPPED,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Remove the speaker's earlier recordings first."),
    ] = False,
    keep_audio: Annotated[
        bool,
        typer.Option(
            "--keep-audio",
            help="Also store the recordings, of each the minute with most speech, for extractors "
            "and voices that need them.",
        ),
    ] = False,
) -> None:
    """Add recordings of a speaker to a speaker database, which is created if needed.

    The database stores embeddings, and audio only with --keep-audio. If one of the files cannot be
    used, has too little speech or is certainly of several people, nothing is written. A file of
    narrow band, with strong distortion or in which several people seem to talk at once gives a
    warning. A file with which the speaker is already enrolled is left out with a warning; a file of
    another enrolled speaker is an error.

    Example: joint enroll Anna anna1.wav anna2.wav --database speakers
    """
    from joint.app.checkpoints import notices_overlap
    from tasks.verification.enrolment.database import checked_name, read_recordings
    from tasks.verification.enrolment.files import DATABASE, check_new, edit_database, read_database

    name = checked_name(name)
    if (database / DATABASE).exists():
        # Errors show before the model is loaded; the lock is held only while writing.
        read_database(database)
    else:
        check_new(database)
    model = open_model(checkpoint, tasks=("extraction",) if notices_overlap(checkpoint) else ())
    recordings = read_recordings(
        model.embed, files, model.domain, keep_audio, check=model.check_overlap
    )
    with edit_database(database, model.identity) as opened:
        for recording in opened.enroll(name, recordings, replace):
            warn(f"{recording.file}: left out, {name} is already enrolled with this recording")
        enrolled = opened.speakers[name]
    print(enrolled_text(name, enrolled))
