"""`joint forget`: remove a speaker from a speaker database."""

from typing import Annotated

import typer

from joint.app.cli.options import Database
from joint.app.shared.wording import count_text


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name, as enrolled.")],
    database: Database,
) -> None:
    """Remove a speaker and all of the speaker's recordings from a speaker database.

    Example: joint forget Anna --database speakers
    """
    from tasks.verification.enrolment.files import edit_database

    with edit_database(database) as opened:
        removed = opened.remove(name)
    count = count_text(len(removed), "recording")
    print(f"{name}: {count} removed; speakers left: {len(opened.speakers)}")
