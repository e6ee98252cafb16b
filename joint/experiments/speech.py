"""How the speech that a grid's runs make is evaluated."""

from dataclasses import dataclass


@dataclass
class SpeechConfig:
    """How synthesis and conversion are evaluated: on the first `sentences` of `sentences.tsv` and
    `conversions.tsv` of a prepared folder (`data`; None: the test set), with the vocoder of a
    checkpoint (None: the run's own, or Griffin-Lim where it has no task `vocoder`), and with the
    `recognizer` and the `judge` of `joint evaluate synthesis`."""

    sentences: int = 40
    data: str | None = None
    vocoder: str | None = None
    recognizer: str | None = None
    judge: str | None = None
