"""Read meetings: recordings with their speaker turns (RTTM) and evaluated regions (UEM)."""

from collections.abc import Sequence
from pathlib import Path

from joint.errors import DataError
from recipes.meetings.database import read_database
from recipes.meetings.folder import read_folder
from tasks.diarization.meetings import Meeting

TEST = ("test",)


def read_meetings(
    where: str | Path,
    lists: Sequence[Path] = (),
    protocol: str | None = None,
    subsets: Sequence[str] = (),
) -> list[Meeting]:
    """Read the meetings of a folder, or of a pyannote.database `database.yml`.

    Args:
        lists: of a folder, the recordings that these files list; without one, all that have turns
            or regions.
        protocol, subsets: of a `database.yml`, what is read: its only protocol, and `test`, unless
            given.

    Raises DataError for files that do not fit together: see the two readers.
    """
    where = Path(where)
    if where.is_dir():
        if protocol or subsets:
            raise DataError(where, "a folder", "a database.yml for --protocol and --subset")
        return read_folder(where, lists)
    if where.suffix not in (".yml", ".yaml"):
        found = "no folder" if not where.exists() else "a file that is not YAML"
        expected = "a folder with recordings, RTTM and UEM files, or a database.yml"
        raise DataError(where, found, expected)
    if lists:
        raise DataError(where, "--list", "--subset for a database.yml, whose lists it names")
    return read_database(where, protocol, subsets or TEST)
