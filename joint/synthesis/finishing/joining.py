"""Spoken sentences end to end: without the silence around each, with pauses, without clicks."""

from collections.abc import Sequence

import numpy as np

from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

FADE: Seconds = 0.01
FRAME: Samples = 160
SILENT: Decibels = -45.0
"""Frames this far below the loudest one are silence."""

MARGIN: Seconds = 0.06
"""Of silence kept before and after speech, whose first and last sounds may be weak."""

PAUSES: dict[str, Seconds] = {".": 0.4, "!": 0.4, "?": 0.4, "…": 0.4, ";": 0.32, ":": 0.32}
"""After a sentence that ends with the mark."""

PAUSE: Seconds = 0.25
"""After any other sentence."""

CLOSING = "\"'”’»)]} \n"
"""What may stand behind the mark that ends a sentence."""


def pause_after(text: str) -> Seconds:
    """The pause between the sentence `text`, as written, and the next one."""
    return PAUSES.get(text.rstrip(CLOSING)[-1:], PAUSE)


def trimmed(waveform: np.ndarray) -> np.ndarray:
    """`waveform (S,)` without the silence before and after its speech, but for a margin of it."""
    frames = waveform[: len(waveform) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    sounding = np.flatnonzero(power > 10 ** (SILENT / 10) * power.max(initial=0.0))
    if not len(sounding):
        return waveform
    margin = round(MARGIN * SAMPLE_RATE)
    start = max(0, sounding[0] * FRAME - margin)
    return waveform[start : (sounding[-1] + 1) * FRAME + margin]


def faded(waveform: np.ndarray, fade: Seconds = FADE) -> np.ndarray:
    """A copy of `waveform (S,)` that rises from silence and falls to it, each within `fade`."""
    count = min(round(fade * SAMPLE_RATE), len(waveform) // 2)
    rise = np.sin(0.5 * np.pi * np.arange(count) / max(count, 1)) ** 2
    result = waveform.astype(np.float32)
    result[:count] *= rise
    result[len(result) - count :] *= rise[::-1]
    return result


def joined(sentences: Sequence[np.ndarray], pauses: Sequence[Seconds]) -> np.ndarray:
    """The `sentences`, each `(S,)`, trimmed and faded, end to end as `(S,)` float32; between two of
    them is the pause that belongs to the first, of which there is one less than of sentences."""
    parts: list[np.ndarray] = []
    for place, sentence in enumerate(sentences):
        if place:
            parts.append(np.zeros(round(pauses[place - 1] * SAMPLE_RATE), dtype=np.float32))
        parts.append(faded(trimmed(sentence)))
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)
