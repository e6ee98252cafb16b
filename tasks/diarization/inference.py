"""Diarization of a recording: speech, windows, embeddings, clusters, names, turns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

import numpy as np

from joint.conversation.clustering import Cluster, centroids, clustered
from joint.conversation.naming import attribute
from joint.conversation.turns import Turn
from joint.inspection.speech import Region
from joint.training.progress import shown
from tasks.diarization.windows import Window, turns_of, windows

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`, such as `SpeakerModel.embed`."""

_AT_ONCE = 256
"""Windows between two steps of the progress bar."""


class Diarizer:
    """Find who speaks when, one person at a time: where two overlap, one of them is missed.

    `threshold` is the least mean cosine of one speaker's windows and belongs to the encoder;
    without one the number of speakers must be given. `cluster` replaces the clustering. In Python,
    with a file for `recording`::

        model = joint.load("speechocean762-librispeech-joint")
        diarize = Diarizer(model.embed, model.diarization_threshold)
        looked_at = model.inspect(recording)
        model.judge(looked_at)  # warns of what the checkpoint cannot judge
        turns = diarize(looked_at.waveform, looked_at.speech)
    """

    def __init__(
        self, embed: Embed, threshold: float | None = None, cluster: Cluster | None = None
    ) -> None:
        self.embed, self.threshold, self._cluster = embed, threshold, cluster

    def __call__(
        self,
        waveform: np.ndarray,
        speech: Sequence[Region],
        speakers: int | None = None,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float = -1.0,
        progress: bool = False,
    ) -> list[Turn]:
        """Find the turns in `speech` of `waveform (S,)`, in order; none where there is no speech.

        Args:
            speakers: their number, where it is known.
            enrolled: embeddings `(k, E)` of recordings of people by name; a cluster whose mean
                cosine with one of them reaches `threshold` has that name, others are speaker1,
                speaker2, ….
            progress: whether to show bars of the embedding and the clustering.

        Raises DataError for more `speakers` than windows, and where neither their number nor the
        diarizer's threshold is given.
        """
        chosen, embeddings = self.embedded(waveform, speech, progress)
        if not chosen:
            return []
        cluster = self._cluster or partial(clustered, threshold=self.threshold, progress=progress)
        labels = cluster(embeddings, speakers)
        names = named(centroids(embeddings, labels), enrolled, threshold)
        return turns_of(chosen, [names[label] for label in labels])

    def embedded(
        self, waveform: np.ndarray, speech: Sequence[Region], progress: bool = False
    ) -> tuple[list[Window], np.ndarray]:
        """The windows that are not digital silence, and their embeddings `(n, E)`."""
        chosen = [w for w in windows(speech, len(waveform)) if _part(waveform, w).any()]
        if not chosen:
            return [], np.zeros((0, 0), dtype=np.float32)
        starts = shown(range(0, len(chosen), _AT_ONCE), "embedding", progress)
        blocks = (chosen[start : start + _AT_ONCE] for start in starts)
        return chosen, np.concatenate(
            [self.embed([_part(waveform, w) for w in block]) for block in blocks]
        )


def named(
    embeddings: np.ndarray, enrolled: Mapping[str, np.ndarray] | None, threshold: float = -1.0
) -> list[str]:
    """Names for speakers with `embeddings (n, E)`: of enrolled people, else speaker1, speaker2, …
    in their order."""
    known: list[str | None] = [None] * len(embeddings)
    if enrolled is not None:
        known = attribute(embeddings, enrolled, threshold)
    taken = enrolled or {}
    unknown = (name for n in count(1) if (name := f"speaker{n}") not in taken)
    return [next(unknown) if name is None else name for name in known]


def _part(waveform: np.ndarray, window: Window) -> np.ndarray:
    return waveform[window.input.start : window.input.end]
