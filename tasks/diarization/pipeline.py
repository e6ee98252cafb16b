"""The diarization pipeline: speech, windows, embeddings, clusters, overlap, names, turns."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count

import numpy as np

from joint.conversation.clustering import Cluster, Embed, centroids, clustered
from joint.conversation.naming import attribute
from joint.conversation.turns import Turn
from joint.errors import DataError
from joint.inspection.speech import Region
from joint.training.progress import shown
from tasks.diarization.overlap import overlapped, second_speakers
from tasks.diarization.segmentation.windows import Segment
from tasks.diarization.speakers import Speakers
from tasks.diarization.stitching import stitch, within
from tasks.diarization.windows import Window, windows

Speech = Callable[[np.ndarray], Sequence[Region]]
"""A waveform `(S,)` at 16 kHz to its regions of speech, such as `SileroSpeech`."""

Again = Callable[[np.ndarray, list[Turn]], list[Turn]]
"""A waveform `(S,)` and its turns to other turns, such as target-speaker voice activity
detection."""

_AT_ONCE = 256
"""Windows between two steps of the progress bar."""


class Diarizer:
    """Find who speaks when: one pipeline, whose parts can be replaced.

    Speech is cut into windows, their embeddings are clustered, and each moment belongs to the
    speaker of the nearest window; where two overlap, one of them is missed. With `overlap` the
    second speaker is found too. With `segment` there are no such windows: local speakers of longer
    ones are clustered and stitched together (see `stitch`), which finds speech and overlap itself.
    A `second_pass` makes other turns of those found. In Python, with a file for `recording`::

        model = joint.load("speechocean762-librispeech-joint")
        diarize = Diarizer(model.embed, model.diarization_threshold)
        looked_at = model.inspect(recording)
        model.judge(looked_at)  # warns of what the checkpoint cannot judge
        turns = diarize(looked_at.waveform, looked_at.speech)

    Args:
        embed: waveforms to embeddings.
        threshold: the least mean cosine of one speaker's windows, which belongs to the encoder;
            without one the number of speakers must be given.
        cluster: another clustering.
        find_speech: what finds speech where it is not given.
        segment: what finds the local speakers of windows, in place of speech and clustered windows.
        overlap: what finds local speakers, of which their number alone is used.
        second_pass: see Again.
    """

    def __init__(
        self,
        embed: Embed,
        threshold: float | None = None,
        cluster: Cluster | None = None,
        find_speech: Speech | None = None,
        segment: Segment | None = None,
        overlap: Segment | None = None,
        second_pass: Again | None = None,
    ) -> None:
        self.embed, self.threshold, self._cluster = embed, threshold, cluster
        self.find_speech, self.segment, self.overlap = find_speech, segment, overlap
        self.second_pass = second_pass

    @property
    def needs_speech(self) -> bool:
        """Whether it has to be known where speech is."""
        return self.segment is None

    def __call__(
        self,
        waveform: np.ndarray,
        speech: Sequence[Region] | None = None,
        speakers: int | None = None,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float = -1.0,
        progress: bool = False,
        fewer: bool = False,
    ) -> list[Turn]:
        """Find the turns in `waveform (S,)`, in order; none where there is no speech.

        Args:
            speech: where there is speech; None: as the pipeline finds it.
            speakers: their number, where it is known.
            enrolled: embeddings `(k, E)` of recordings of people by name; a cluster whose mean
                cosine with one of them reaches `threshold` has that name, others are speaker1,
                speaker2, ….
            progress: whether to show bars of the embedding and the clustering.
            fewer: whether there may be fewer `speakers`, where there is little speech.

        Raises DataError for more `speakers` than windows, and where neither their number nor the
        diarizer's threshold is given.
        """
        cluster = self._cluster or partial(clustered, threshold=self.threshold, progress=progress)
        if fewer:
            cluster = partial(_no_more_than_windows, cluster)
        first = self._clustered if self.segment is None else self._stitched
        found = first(waveform, speech, speakers, cluster, progress)
        if found is None:
            return []
        turns = found.turns(named(found.centroids, enrolled, threshold))
        return turns if self.second_pass is None else self.second_pass(waveform, turns)

    def _clustered(
        self,
        waveform: np.ndarray,
        speech: Sequence[Region] | None,
        speakers: int | None,
        cluster: Cluster,
        progress: bool,
    ) -> Speakers | None:
        """The speakers of windows."""
        if speech is None:
            if self.find_speech is None:
                raise DataError("diarization", "no regions of speech", "some, or a detector")
            speech = self.find_speech(waveform)
        chosen, embeddings = self.embedded(waveform, speech, progress)
        if not chosen:
            return None
        labels = cluster(embeddings, speakers)
        centres = centroids(embeddings, labels)
        own: list[list[Region]] = [[] for _ in centres]
        for window, label in zip(chosen, labels.tolist(), strict=True):
            own[label].append(window.decides)
        if self.overlap is not None:
            several = overlapped(self.overlap(waveform))
            more = second_speakers(chosen, labels, embeddings, centres, several)
            own = [[*mine, *besides] for mine, besides in zip(own, more, strict=True)]
        return Speakers(own, centres)

    def _stitched(
        self,
        waveform: np.ndarray,
        speech: Sequence[Region] | None,
        speakers: int | None,
        cluster: Cluster,
        progress: bool,
    ) -> Speakers | None:
        """Local speakers, stitched together."""
        assert self.segment is not None
        local = self.segment(waveform)
        if speech is not None:
            local = within(local, speech)
        return stitch(waveform, local, self.embed, cluster, speakers, progress)

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


def _no_more_than_windows(
    cluster: Cluster, embeddings: np.ndarray, speakers: int | None
) -> np.ndarray:
    return cluster(embeddings, None if speakers is None else min(speakers, len(embeddings)))
