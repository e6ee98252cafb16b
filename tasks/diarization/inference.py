"""A recording in, turns out: speech, windows, embeddings, clusters, names."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

import numpy as np

from joint.conversation.clustering import Cluster, attribute, centroids, clustered
from joint.conversation.turns import Turn
from joint.training.progress import shown
from tasks.diarization.segments import Region
from tasks.diarization.windows import Window, turns_of, windows

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`, such as `SpeakerModel.embed`."""

_AT_ONCE = 256
"""Windows between two steps of the progress bar."""


class Diarizer:
    """Who speaks when, one person at a time: where two overlap, one of them is missed.

    In Python, with a file for `recording`::

        diarize = Diarizer(joint.load("speechocean762-joint").embed)
        waveform = read_audio(recording)
        turns = diarize(waveform, SileroSpeech()(waveform))
    """

    def __init__(self, embed: Embed, cluster: Cluster = clustered) -> None:
        self.embed, self.cluster = embed, cluster

    def __call__(
        self,
        waveform: np.ndarray,
        speech: Sequence[Region],
        speakers: int | None = None,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float = -1.0,
        progress: bool = False,
    ) -> list[Turn]:
        """Turns in `speech` of `waveform (S,)`, in order; none where there is no speech.

        `speakers` is their number where it is known; with `enrolled` people (see `attribute`) a
        cluster is named after the one whose voice it is, speaker1, speaker2 … otherwise. Raises
        DataError for more `speakers` than windows.
        """
        chosen, embeddings = self.embedded(waveform, speech, progress)
        if not chosen:
            return []
        labels = self.cluster(embeddings, speakers)
        names = named(centroids(embeddings, labels), enrolled, threshold)
        return turns_of(chosen, [names[label] for label in labels])

    def embedded(
        self, waveform: np.ndarray, speech: Sequence[Region], progress: bool = False
    ) -> tuple[list[Window], np.ndarray]:
        """Windows that hold any sound, and their embeddings `(n, E)`."""
        chosen = [w for w in windows(speech, len(waveform)) if _part(waveform, w).any()]
        if not chosen:
            return [], np.zeros((0, 0), dtype=np.float32)
        starts = shown(range(0, len(chosen), _AT_ONCE), "embedding", progress)
        blocks = (chosen[start : start + _AT_ONCE] for start in starts)
        return chosen, np.concatenate(
            [self.embed([_part(waveform, w) for w in block]) for block in blocks]
        )


def named(
    voices: np.ndarray, enrolled: Mapping[str, np.ndarray] | None, threshold: float = -1.0
) -> list[str]:
    """Names for `voices (n, E)`: of the enrolled, or speaker1, speaker2 … in their order."""
    known: list[str | None] = [None] * len(voices)
    if enrolled is not None:
        known = attribute(voices, enrolled, threshold)
    taken = enrolled or {}
    strangers = (name for n in count(1) if (name := f"speaker{n}") not in taken)
    return [next(strangers) if name is None else name for name in known]


def _part(waveform: np.ndarray, window: Window) -> np.ndarray:
    return waveform[window.heard.start : window.heard.end]
