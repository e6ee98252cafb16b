"""What the tabs of the page work with: the loaded checkpoints, the speaker database, the limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import numpy as np

from joint.app.limits import Limits
from joint.app.shared.people import known_by
from joint.errors import AudioError, ConfigError, DataError
from joint.inspection.reading import InspectedRecording, inspect_recording

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel
    from joint.app.results import Enrolled
    from joint.app.web.examples import Examples
    from joint.metrics.recognizers import Recognizer
    from tasks.verification.enrolment.database import EnrolledRecording, SpeakerDatabase


@dataclass(frozen=True)
class Service:
    """One server: its models by name, the folder of temporary files, and where it has them a
    speaker database, a recogniser from outside, and examples."""

    models: "Mapping[str, SpeakerModel]"
    folder: Path
    database: Path | None = None
    recognizer: "Recognizer | None" = None
    examples: "Examples | None" = None
    limits: Limits = field(default_factory=Limits)

    def recording(self, path: str | None, what: str) -> InspectedRecording:
        """The recording of an upload, which `what` names in messages. Raises AudioError."""
        if not path:
            raise AudioError(what, "nothing", "a file, or a recording from the microphone")
        where = f"{what} ({Path(path).name})"
        try:
            looked_at = inspect_recording(path, longest=self.limits.seconds)
        except AudioError as error:
            raise AudioError(where, error.found, error.expected) from None
        return replace(looked_at, where=where)

    def person(self, model: "SpeakerModel", path: str | None, name: str | None) -> "Enrolled":
        """An enrolled person: by a recording, or by a name in the database.

        Raises ConfigError for both and for neither, AudioError, DataError.
        """
        if path and name:
            raise ConfigError("the person", "a recording and a name", "one of them")
        if name:
            return known_by(self.enrolled(model), name)
        return self.recording(path, "the person's recording")

    def people_folder(self) -> Path:
        """The folder of the speaker database. Raises DataError where the server has none."""
        if self.database is None:
            raise DataError("speaker database", "none", "a server started with --database DB")
        return self.database

    def speakers(self) -> "Mapping[str, list[EnrolledRecording]]":
        """The people of the database; none where there is no database yet."""
        from tasks.verification.enrolment.files import DATABASE, read_database

        if self.database is None or not (self.database / DATABASE).exists():
            return {}
        return read_database(self.database).speakers

    def enrolled(self, model: "SpeakerModel") -> "SpeakerDatabase":
        """The speaker database, which is of the `model`'s encoder. Raises DataError."""
        from tasks.verification.enrolment.files import read_database

        return read_database(self.people_folder(), model.identity)

    def written(
        self, name: str, write: Callable[[Path, np.ndarray], None], waveform: np.ndarray
    ) -> str:
        """The temporary file called `name` that `write` makes of a waveform."""
        path = Path(mkdtemp(dir=self.folder)) / name
        write(path, waveform)
        return str(path)


def lacking(model: "SpeakerModel", *kinds: str) -> str | None:
    """Which of the tasks called `kinds` a checkpoint lacks; None where it has them all."""
    missing = [kind for kind in kinds if kind not in model.model.tasks]
    if not missing:
        return None
    tasks = ", ".join(model.model.tasks) or "none"
    return f"This checkpoint has no task of {' and no task of '.join(missing)}; it has: {tasks}."
