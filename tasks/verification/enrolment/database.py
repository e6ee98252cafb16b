"""A voice book: who is known by which recordings, and who of them a recording resembles."""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from joint.audio import read_audio
from joint.directions import unit
from joint.encoders.identity import EncoderIdentity
from joint.errors import AudioError, DataError
from joint.units import SAMPLE_RATE, Seconds

if TYPE_CHECKING:
    from tasks.verification.embedding import Embed

SHORTEST: Seconds = 1.0
"""Least audio of one enrolment. A recording of one word can be asked about; a person who is known
by no more than that is taken for others, and every later answer suffers."""

LONGEST_NAME = 100
_NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories: control characters, halves of a pair, and breaks of lines and paragraphs."""


@dataclass(frozen=True)
class Voice:
    """One enrolment: `embedding (E,)` float32 of a recording, the name and the SHA-256 of its file,
    how many `seconds` it lasts."""

    file: str
    sha256: str
    seconds: Seconds
    embedding: np.ndarray


@dataclass(frozen=True)
class Match:
    """A person and the score of a recording as theirs."""

    name: str
    score: float


@dataclass
class VoiceBook:
    """People and their enrolments, each kept singly, of one encoder.

    In Python, with a file or a waveform for `who`::

        model = joint.load("speechocean762-joint")
        with edit_book("voices", model.identity) as book:
            book.enroll("Anna", read_voices(model.embed, ["anna1.wav", "anna2.wav"]))
        best = read_book("voices", model.identity).rank(model.embed([who])[0])[0]

    Anna is known where `best.score >= model.threshold`, and nobody otherwise.
    """

    encoder: EncoderIdentity
    people: dict[str, list[Voice]] = field(default_factory=dict)

    def enroll(self, name: str, voices: Sequence[Voice], replace: bool = False) -> list[Voice]:
        """Add enrolments of a person, or start that person anew; gives those left out since the
        person is known by that very recording already.

        Raises DataError, and changes nothing, for a name that `checked_name` refuses, no
        recordings, one that is another person's, an embedding that is not finite or of another
        size than the others.
        """
        name = checked_name(name)
        if not voices:
            raise DataError(name, "no recordings", "at least one")
        kept = [] if replace else list(self.people.get(name, []))
        others = {n: known for n, known in self.people.items() if n != name}
        owners = {voice.sha256: n for n, known in others.items() for voice in known}
        like = next((voice for known in others.values() for voice in known), None)
        known_already = []
        for voice in voices:
            if voice.sha256 in owners:
                owner = owners[voice.sha256]
                raise DataError(voice.file, f"a recording of {owner}", f"one of {name}'s own")
            if any(voice.sha256 == other.sha256 for other in kept):
                known_already.append(voice)
                continue
            _check_embedding(voice, kept[0] if kept else like)
            kept.append(voice)
        self.people[name] = kept
        return known_already

    def remove(self, name: str) -> list[Voice]:
        """Take a person out, with all enrolments, which are returned. Raises DataError."""
        known = self.people.pop(checked_name(name), None)
        if known is None:
            raise DataError(name, "nobody of this name in the book", _some(self.people))
        return known

    def means(self) -> dict[str, np.ndarray]:
        """The mean of each person's unit embeddings, `(E,)`."""
        return {name: _mean(known) for name, known in self.people.items()}

    def embeddings(self) -> dict[str, np.ndarray]:
        """Each person's enrolments, `(k, E)`."""
        return {name: np.stack([v.embedding for v in known]) for name, known in self.people.items()}

    def rank(self, embedding: np.ndarray) -> list[Match]:
        """Everybody in the book, the likeliest first, for `embedding (E,)`.

        A score is the mean cosine with the person's recordings, which is the product with the mean
        of their unit embeddings. So it keeps the scale of one pair, on which thresholds and
        calibrations are chosen; brought to length one, the mean would score higher the more
        recordings it has, against strangers too.
        Raises DataError for an empty book and an embedding of another size.
        """
        if not self.people:
            raise DataError("voice book", "nobody in it", "people who were enrolled")
        means = np.stack(list(self.means().values()))
        if embedding.shape != means.shape[1:]:
            found = f"shape {embedding.shape}"
            raise DataError("embedding", found, f"({means.shape[1]},), as in the voice book")
        scores = means @ unit(embedding)
        ranked = [Match(name, float(s)) for name, s in zip(self.people, scores, strict=True)]
        return sorted(ranked, key=lambda match: -match.score)


def checked_name(name: str) -> str:
    """A person's name without blanks around it, in Unicode's composed form, so that one name typed
    on two machines is one. Raises DataError for one that is empty, longer than 100 characters or
    has control characters or line breaks."""
    composed = unicodedata.normalize("NFC", name).strip()
    expected = f"1 to {LONGEST_NAME} characters, all in one line"
    if not composed:
        raise DataError("name", "nothing", expected)
    if any(unicodedata.category(character) in _NOT_IN_NAMES for character in composed):
        raise DataError("name", ascii(composed), expected)
    if len(composed) > LONGEST_NAME:
        raise DataError("name", f"{len(composed)} characters", expected)
    return composed


def read_voices(embed: "Embed", paths: Sequence[str | Path]) -> list[Voice]:
    """Enrolments from audio files. Raises AudioError for the first that cannot be read or is
    shorter than a second."""
    waveforms = [read_audio(path, minimum=SHORTEST) for path in paths]
    digests = [_digest(Path(path)) for path in paths]
    embeddings = embed(waveforms)
    return [
        Voice(_printable(Path(path)), digest, len(waveform) / SAMPLE_RATE, embedding)
        for path, digest, waveform, embedding in zip(
            paths, digests, waveforms, embeddings, strict=True
        )
    ]


def _mean(known: Sequence[Voice]) -> np.ndarray:
    mean: np.ndarray = np.mean([unit(voice.embedding) for voice in known], axis=0)
    return mean


def _check_embedding(voice: Voice, like: Voice | None) -> None:
    shape = voice.embedding.shape
    if len(shape) != 1 or (like is not None and shape != like.embedding.shape):
        expected = "(E,)" if like is None else f"{like.embedding.shape}, as in the voice book"
        raise DataError(voice.file, f"an embedding of shape {shape}", expected)
    if not np.isfinite(voice.embedding).all():
        raise DataError(voice.file, "NaN or infinity in its embedding", "numbers")


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(path, error.strerror or str(error), "an audio file") from error


def _printable(path: Path) -> str:
    """The file's name without its folder, which is nobody's business; odd bytes replaced."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def _some(people: dict[str, list[Voice]]) -> str:
    """The first few names, for a message."""
    names = list(people)
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more if names else "somebody (the book is empty)"
