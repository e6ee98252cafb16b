"""A speaker database: the enrolled speakers, and how well a recording matches each of them."""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from joint.directions import typical, unit
from joint.encoders.identity import EncoderIdentity
from joint.errors import AudioError, DataError
from joint.files import readable
from joint.inspection.domain import Domain, refuse_enrolment
from joint.inspection.excerpt import most_speech
from joint.inspection.reading import InspectedRecording, inspect_recording
from joint.units import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from tasks.verification.embedding import Embed

SHORTEST: Seconds = 1.0
"""Shortest recording that can be enrolled. A recording of one word can be identified; enrolled, it
gives an embedding that matches other speakers too, and every later answer is worse for it."""

LONGEST_NAME = 100
_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, lone surrogates, line and paragraph separators."""


@dataclass(frozen=True)
class EnrolledRecording:
    """One recording of an enrolled speaker: its `embedding (E,)` in float32, the name and the
    SHA-256 of its file, its duration in seconds, and what was measured of it, by name; empty where
    it was enrolled by a version that did not look at it. `audio (S,)`, float32 at 16 kHz, is kept
    only where that was asked for: the minute with most speech."""

    file: str
    sha256: str
    seconds: Seconds
    embedding: np.ndarray
    properties: Mapping[str, Any] = field(default_factory=dict)
    audio: np.ndarray | None = None


@dataclass(frozen=True)
class Match:
    """An enrolled speaker and the score of a recording against that speaker."""

    name: str
    score: float


@dataclass
class SpeakerDatabase:
    """Enrolled speakers with the embedding of each of their recordings, all of one encoder.

    In Python, where `recording` is a file or a waveform::

        model = joint.load("speechocean762-librispeech-joint")
        with edit_database("speakers", model.identity) as database:
            enrolled = read_recordings(model.embed, ["anna1.wav", "anna2.wav"], model.domain)
            database.enroll("Anna", enrolled)
        found = model.identify(recording, read_database("speakers", model.identity))

    The speaker is `found.speaker`, None for an unknown one.
    """

    encoder: EncoderIdentity
    speakers: dict[str, list[EnrolledRecording]] = field(default_factory=dict)

    def enroll(
        self, name: str, recordings: Sequence[EnrolledRecording], replace: bool = False
    ) -> list[EnrolledRecording]:
        """Add recordings of a speaker, or `replace` those that the speaker has.

        Returns the recordings that were left out because the speaker is enrolled with the same
        file already.

        Raises DataError, and changes nothing, for a name that `checked_name` refuses, no
        recordings, a recording of another enrolled speaker, and an embedding that is not finite or
        has another size than the others.
        """
        name = checked_name(name)
        if not recordings:
            raise DataError(name, "no recordings", "at least one")
        kept = [] if replace else list(self.speakers.get(name, []))
        others = {n: enrolled for n, enrolled in self.speakers.items() if n != name}
        owners = {r.sha256: n for n, enrolled in others.items() for r in enrolled}
        like = next((r for enrolled in others.values() for r in enrolled), None)
        duplicates = []
        for recording in recordings:
            if recording.sha256 in owners:
                owner = owners[recording.sha256]
                raise DataError(recording.file, f"a recording of {owner}", f"one of {name}")
            if any(recording.sha256 == other.sha256 for other in kept):
                duplicates.append(recording)
                continue
            _check_embedding(recording, kept[0] if kept else like)
            kept.append(recording)
        self.speakers[name] = kept
        return duplicates

    def remove(self, name: str) -> list[EnrolledRecording]:
        """Remove a speaker and return the recordings that were enrolled. Raises DataError."""
        name = checked_name(name)
        self._refuse_unknown(name)
        return self.speakers.pop(name)

    def mean_embeddings(self) -> dict[str, np.ndarray]:
        """The mean of each speaker's embeddings after scaling each to unit length, `(E,)`."""
        return {name: _mean(enrolled) for name, enrolled in self.speakers.items()}

    def typical_embedding(self, name: str) -> np.ndarray:
        """A speaker's embedding `(E,)` for tasks that depend on a speaker: the mean direction of
        the recordings' embeddings, with their mean length. Raises DataError for an unknown name."""
        self._refuse_unknown(name)
        return typical(np.stack([r.embedding for r in self.speakers[name]]))

    def recordings(self, name: str) -> list[np.ndarray]:
        """The audio `(S,)` that was kept of a speaker, for tasks that read an enrolment's
        recording; none where only embeddings were. Raises DataError for an unknown name."""
        self._refuse_unknown(name)
        return [r.audio for r in self.speakers[name] if r.audio is not None]

    def embeddings(self) -> dict[str, np.ndarray]:
        """The embeddings of each speaker's recordings, `(K, E)`."""
        return {
            name: np.stack([recording.embedding for recording in enrolled])
            for name, enrolled in self.speakers.items()
        }

    def rank(self, embedding: np.ndarray) -> list[Match]:
        """All enrolled speakers, the best match first, for `embedding (E,)`.

        The score is the mean cosine with the speaker's recordings, computed as the product with
        the mean of their unit embeddings. It thus keeps the scale of one pair of recordings, for
        which thresholds and calibrations are estimated; if the mean were scaled to unit length,
        scores would rise with the number of enrolled recordings, also for other speakers.

        Raises DataError for an empty database and an embedding of another size.
        """
        if not self.speakers:
            raise DataError("speaker database", "no enrolled speakers", "at least one")
        means = np.stack(list(self.mean_embeddings().values()))
        if embedding.shape != means.shape[1:]:
            found = f"shape {embedding.shape}"
            raise DataError("embedding", found, f"({means.shape[1]},), as in the database")
        scores = means @ unit(embedding)
        matches = [Match(name, float(s)) for name, s in zip(self.speakers, scores, strict=True)]
        return sorted(matches, key=lambda match: -match.score)

    def _refuse_unknown(self, name: str) -> None:
        if name not in self.speakers:
            raise DataError(name, "no enrolled speaker of this name", _some(self.speakers))


def checked_name(name: str) -> str:
    """A speaker's name without surrounding white space, in Unicode's composed form (NFC), so that
    one name typed on two machines is one name.

    Raises DataError for a name that is empty, is longer than 100 characters, or contains control
    characters or line breaks.
    """
    composed = unicodedata.normalize("NFC", name).strip()
    expected = f"1 to {LONGEST_NAME} characters in one line"
    if not composed:
        raise DataError("name", "an empty string", expected)
    if any(unicodedata.category(character) in _NOT_IN_NAMES for character in composed):
        raise DataError("name", ascii(composed), expected)
    if len(composed) > LONGEST_NAME:
        raise DataError("name", f"{len(composed)} characters", expected)
    return composed


def read_recordings(
    embed: "Embed",
    paths: Sequence[str | Path],
    domain: Domain | None = None,
    keep_audio: bool = False,
    longest: Seconds | None = None,
    check: Callable[[Sequence[InspectedRecording]], object] | None = None,
) -> list[EnrolledRecording]:
    """Audio files as recordings to enrol, with their audio where `keep_audio` says so.

    With the `domain` of the encoder's checkpoint, an AudioWarning names what lies outside of it;
    `check` looks at them before they are embedded, and may warn or raise.

    Raises AudioError for the first file that cannot be read, is shorter than one second, has less
    than one second of speech or channels that cancel each other.
    """
    recordings = [inspect_recording(path, SHORTEST, longest=longest) for path in paths]
    for recording in recordings:
        refuse_enrolment(recording)
    if domain is not None:
        for recording in recordings:
            domain.warn(recording)
    if check is not None:
        check(recordings)
    digests = [_digest(Path(path)) for path in paths]
    embeddings = embed([recording.waveform for recording in recordings])
    return [
        EnrolledRecording(
            readable(Path(path).name),
            digest,
            len(recording.waveform) / SAMPLE_RATE,
            embedding,
            recording.properties.as_dict(),
            most_speech(recording) if keep_audio else None,
        )
        for path, digest, recording, embedding in zip(
            paths, digests, recordings, embeddings, strict=True
        )
    ]


def _mean(enrolled: Sequence[EnrolledRecording]) -> np.ndarray:
    mean: np.ndarray = np.mean([unit(recording.embedding) for recording in enrolled], axis=0)
    return mean


def _check_embedding(recording: EnrolledRecording, like: EnrolledRecording | None) -> None:
    shape = recording.embedding.shape
    if len(shape) != 1 or (like is not None and shape != like.embedding.shape):
        expected = "(E,)" if like is None else f"{like.embedding.shape}, as in the database"
        raise DataError(recording.file, f"an embedding of shape {shape}", expected)
    if not np.isfinite(recording.embedding).all():
        raise DataError(recording.file, "NaN or infinity in its embedding", "finite numbers")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(path, error.strerror or str(error), "an audio file") from error


def _some(names: Mapping[str, object]) -> str:
    """The first few names, for a message."""
    known = list(names)
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return ", ".join(known[:5]) + more if known else "a speaker (the database is empty)"
