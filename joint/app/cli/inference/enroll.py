"""`joint enroll`: a person into a voice book."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Book, Checkpoint, open_model
from joint.terminal import warn


def enroll(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person, in one line of text.")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILES", help="Recordings of that person alone, from 1 s on."),
    ],
    book: Book,
    checkpoint: Checkpoint,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget the person's former recordings.")
    ] = False,
) -> None:
    """Add recordings of a person to a voice book, which is made where there is none.

    Only embeddings are kept, no audio. If one file cannot be used, nothing is written. A recording
    that the person has already is left out with a warning; one of somebody else is refused.

    Example: joint enroll Anna a1.wav a2.wav --book voices --checkpoint speechocean762-joint
    """
    from tasks.verification.enrolment.database import checked_name, read_voices
    from tasks.verification.enrolment.files import BOOK, edit_book, read_book

    name = checked_name(name)
    if (book / BOOK).exists():
        # Said now, before a minute of work; and the lock is held for no longer than writing takes.
        read_book(book)
    model = open_model(checkpoint, tasks=())
    voices = read_voices(model.embed, files)
    with edit_book(book, model.identity) as opened:
        for voice in opened.enroll(name, voices, replace):
            warn(f"{voice.file}: left out, {name} is enrolled with that very recording")
        known = opened.people[name]
    total = sum(voice.seconds for voice in known)
    listed = ", ".join(f"{voice.file} {voice.seconds:.1f} s" for voice in known)
    plural = "recording" if len(known) == 1 else "recordings"
    print(f"{name}: {len(known)} {plural}, {total:.1f} s ({listed})")
