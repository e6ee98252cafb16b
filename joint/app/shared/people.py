"""People of a speaker database, for tasks that depend on a speaker."""

from typing import TYPE_CHECKING

from joint.task import Enrollment

if TYPE_CHECKING:
    from joint.app.results import Enrolled
    from tasks.verification.enrolment.database import SpeakerDatabase


def known_by(database: "SpeakerDatabase", name: str) -> "Enrolled":
    """What a model knows the person called `name` by: the recordings that were kept, else the
    embedding. Raises DataError for an unknown name."""
    return database.recordings(name) or Enrollment.kept(database.typical_embedding(name))
