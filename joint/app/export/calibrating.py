"""Recordings from which the ranges of 8-bit integers are measured."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from joint.app.export.speech import held_out
from joint.audio import read_audio
from joint.data.opening import open_corpus

COUNT = 64
Item = TypeVar("Item")


def recordings_of(data: Path | None) -> list[np.ndarray]:
    """At most 64 waveforms `(S,)`, spread evenly over a corpus; over the embedded held-out speakers
    where it is None. Raises DataError for a corpus that cannot be read."""
    if data is None:
        return [read_audio(path) for path in _spread(list(held_out().values()))]
    return [utterance.waveform() for utterance in _spread(open_corpus(data).utterances)]


def _spread(items: Sequence[Item]) -> Sequence[Item]:
    return items[:: max(1, len(items) // COUNT)][:COUNT]
