"""`joint forget`: a person out of a voice book."""

from typing import Annotated

import typer

from joint.app.cli.options import Book


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The person, as enrolled.")],
    book: Book,
) -> None:
    """Take a person, with all recordings, out of a voice book.

    Example: joint forget Anna --book voices
    """
    from tasks.verification.enrolment.files import edit_book

    with edit_book(book) as opened:
        removed = opened.remove(name)
    print(f"{len(removed)} of {name} removed, {len(opened.people)} people left")
