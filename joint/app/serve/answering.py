"""What a service computes: uploads in, answers out, in the thread of its worker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from fastapi import HTTPException, UploadFile

from joint.app.limits import Limits
from joint.app.results import Enrolled, Identification, Recording, Verification
from joint.app.shared.people import known_by
from joint.app.shared.pipelines import PipelineChoice
from joint.audio import encode_audio
from joint.conversation.turns import Turn
from joint.data.choices import Pipeline
from joint.errors import AudioError, ConfigError, TooLongError
from joint.inspection.reading import InspectedRecording, inspect_content
from joint.task import Enrollment
from tasks.recognition.select import follows_people, recogniser
from tasks.verification.enrolment.database import SpeakerDatabase
from tasks.verification.enrolment.files import read_database

if TYPE_CHECKING:
    import numpy as np

    from joint.app.api import SpeakerModel

LACKING = 501
"""The status where the server was not started with what a request needs."""


@dataclass(frozen=True)
class Service:
    """A loaded checkpoint, the folder of a speaker database, which is read and never written, and
    the limits of one request."""

    model: "SpeakerModel"
    database: Path | None = None
    limits: Limits = field(default_factory=Limits)

    def recordings(self, **uploads: UploadFile | Sequence[UploadFile]) -> list[InspectedRecording]:
        """The recordings of one request by the names of its fields, looked at.

        Raises AudioError for one that cannot be used; TooLongError where they are too long
        together.
        """
        found, left = [], self.limits.seconds
        for name, given in uploads.items():
            for upload in given if isinstance(given, Sequence) else [given]:
                where = f"{name} {PurePath(upload.filename or '').name}".strip()
                try:
                    one = inspect_content(upload.file.read(), where, longest=left)
                except TooLongError as error:
                    most = f"at most {self.limits.seconds:g} s in one request"
                    raise TooLongError(where, error.found, most) from None
                left -= one.properties.seconds
                found.append(one)
        return found

    def people(self) -> SpeakerDatabase:
        """The speaker database as it is now. Raises HTTPException where the server has none;
        DataError."""
        if self.database is None:
            expected = "a server started with --database DB"
            raise HTTPException(LACKING, f"speaker database: found none; expected {expected}")
        return read_database(self.database, self.model.identity)

    def embed(self, uploads: Sequence[UploadFile]) -> "np.ndarray":
        """Embeddings `(n, E)`, with a warning of each recording that the checkpoint cannot
        judge."""
        recordings = self.recordings(recordings=uploads)
        self.model.judge(*recordings)
        return self.model.embed(recordings)

    def verify(
        self, first: UploadFile, second: UploadFile, threshold: float | None
    ) -> Verification:
        """See SpeakerModel.verify."""
        one, other = self.recordings(first=first, second=second)
        return self.model.verify(one, other, threshold)

    def identify(self, recording: UploadFile, threshold: float | None) -> Identification:
        """See SpeakerModel.identify."""
        database = self.people()
        (looked_at,) = self.recordings(recording=recording)
        return self.model.identify(looked_at, database, threshold)

    def extract(
        self, mixture: UploadFile, enrollment: Sequence[UploadFile], name: str | None
    ) -> tuple[bytes, dict[str, str]]:
        """The extracted speech as a WAV file, and whether the speaker is present, as headers."""
        if bool(enrollment) == bool(name):
            found = "both" if name else "neither"
            raise ConfigError("enrollment, name", found, "recordings of the person, or a name")
        mixed, *alone = self.recordings(mixture=mixture, enrollment=enrollment)
        person: Enrolled = alone if name is None else known_by(self.people(), name)
        result = self.model.extraction(mixed, person)
        headers = {"X-Presence": result.presence, "X-Present": result.present}
        content = encode_audio(result.waveform, "the extracted speech")
        return content, {key: json.dumps(value) for key, value in headers.items()}

    def diarize(
        self,
        recording: UploadFile,
        speakers: int | None,
        threshold: float | None,
        pipeline: Pipeline = Pipeline.CLUSTERING,
    ) -> list[Turn]:
        """See SpeakerModel.diarize; people of the database get their names."""
        diarizer = self.model.diarizer(PipelineChoice(pipeline), speakers is not None)
        (looked_at,) = self.recordings(recording=recording)
        enrolled = None if self.database is None else self.people().embeddings()
        return self.model.diarize(looked_at, speakers, enrolled, threshold, diarizer)

    def transcribe(
        self,
        recording: UploadFile,
        enrollment: Sequence[UploadFile],
        mode: str | None,
        threshold: float | None,
        turns: bool,
    ) -> tuple[dict[str, str], list[Turn] | None]:
        """The words of each speaker, and, where asked for, the turns.

        Speakers are the enrolled ones of the request, by the names of their files, else those of
        the database, else speaker1, speaker2, ….
        """
        known_people = len(enrollment) > 0 or self.database is not None
        if mode is None and known_people and follows_people(self.model.model):
            mode = "target"
        task, head = recogniser(self.model.model, self.model.path, mode)
        one, *alone = self.recordings(recording=recording, enrollment=enrollment)
        files = [PurePath(upload.filename or "").stem for upload in enrollment]
        if len(set(files)) < len(files):
            raise AudioError("enrollment", "two files of the same name", "one name for each person")
        named = dict(zip(files, alone, strict=True))
        if "enrollment" in head.requires:
            if turns:
                expected = "a recogniser of mode single, simo or siso"
                raise ConfigError("turns", "a recogniser of mode target", expected)
            people: dict[str, Recording | Enrollment] = dict(named)
            if not named and self.database is not None:
                means = self.people().mean_embeddings()
                people = {who: Enrollment.kept(mean) for who, mean in means.items()}
            words = self.model.transcribe(one, list(people.values()), None, task)
            return {who: " ".join(w) for who, w in zip(people, words, strict=True)}, None
        if not turns:
            words = self.model.transcribe(one, (), None, task)
            return {f"speaker{n}": " ".join(w) for n, w in enumerate(words, 1)}, None
        known = {who: self.model.embed([looked_at]) for who, looked_at in named.items()}
        if not named and self.database is not None:
            known = self.people().embeddings()
        found = self.model.attribute(one, known or None, threshold, None, task)
        lines: dict[str, str] = {}
        for turn in found:
            lines[turn.speaker] = f"{lines.get(turn.speaker, '')} {turn.text}".strip()
        return lines, found
