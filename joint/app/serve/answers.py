"""What a service answers, as its OpenAPI page describes it."""

from dataclasses import dataclass

from joint.conversation.turns import Turn
from joint.units import SAMPLE_RATE


@dataclass(frozen=True)
class Health:
    """The state of the server: the checkpoint and its tasks, whether there is a speaker database,
    the requests inside and how many there may be."""

    status: str
    version: str
    checkpoint: str
    tasks: list[str]
    database: bool
    requests: int
    places: int


@dataclass(frozen=True)
class Embeddings:
    """One speaker embedding for each recording, in the order of the request, and the fingerprint of
    the encoder: embeddings of two encoders cannot be compared."""

    embeddings: list[list[float]]
    dimension: int
    encoder: str
    warnings: list[str]


@dataclass(frozen=True)
class Verified:
    """The cosine of two recordings, whether it reaches the threshold, and the probability of one
    speaker for a prior of 0.5; `withheld` names the flaw because of which there is none."""

    score: float
    threshold: float | None
    same: bool | None
    probability: float | None
    withheld: str | None
    warnings: list[str]


@dataclass(frozen=True)
class Scored:
    """An enrolled speaker and the score of a recording against that speaker."""

    name: str
    score: float
    probability: float | None
    withheld: str | None


@dataclass(frozen=True)
class Identified:
    """The enrolled speaker of a recording (null: an unknown speaker, or no speech), and the best
    candidates."""

    speaker: str | None
    threshold: float
    candidates: list[Scored]
    warnings: list[str]


@dataclass(frozen=True)
class SpokenTurn:
    """Who talks from when to when, in seconds, and the words where they were recognised."""

    speaker: str
    start: float
    end: float
    text: str

    @classmethod
    def of(cls, turn: Turn) -> "SpokenTurn":
        """A turn with its times in seconds."""
        start, end = round(turn.start / SAMPLE_RATE, 3), round(turn.end / SAMPLE_RATE, 3)
        return cls(turn.speaker, start, end, turn.text)


@dataclass(frozen=True)
class Diarized:
    """The turns of a recording, in order."""

    turns: list[SpokenTurn]
    warnings: list[str]


@dataclass(frozen=True)
class Transcribed:
    """The words of each speaker, and the turns where they were asked for."""

    words: dict[str, str]
    turns: list[SpokenTurn] | None
    warnings: list[str]
