"""Ways to find the speakers of windows, and of local speakers, that the study of diarization
compares."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from joint.conversation.blockwise import linked
from joint.conversation.clustering import Cluster, centroids, clustered, spectral
from joint.conversation.turns import Turn
from joint.inspection.speech import Region
from tasks.diarization.overlap import overlapped, second_speakers
from tasks.diarization.pipeline import Diarizer
from tasks.diarization.segmentation.windows import LocalActivity
from tasks.diarization.speakers import Speakers
from tasks.diarization.stitching import stitch
from tasks.diarization.windows import turns_of

Ways = Mapping[str, Callable[[np.ndarray], np.ndarray]]
"""How the speakers of windows are found from their embeddings."""


def ways(threshold: float | None, vbx: Cluster | None = None) -> Ways:
    """With and without the number of speakers, by an encoder's threshold, and by VBx."""
    found: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "number given": lambda embeddings: spectral(embeddings, speakers=2),
        "number found": lambda embeddings: clustered(embeddings, threshold=threshold),
        "number by eigengap": spectral,
        "number found, agglomerative": lambda embeddings: linked(embeddings, threshold=threshold),
    }
    if vbx is not None:
        found["number given, VBx"] = lambda embeddings: vbx(embeddings, 2)
        found["number found, VBx"] = lambda embeddings: vbx(embeddings, None)
    return found


def diarized_by(
    diarizer: Diarizer,
    waveform: np.ndarray,
    speech: Sequence[Region],
    chosen: Ways,
    local: LocalActivity | None,
) -> dict[str, list[Turn]]:
    """Turns by each way to find the speakers of windows, and with a second one in the overlap of
    `local` speakers; none in too little speech."""
    windows, embeddings = diarizer.embedded(waveform, speech)
    found: dict[str, list[Turn]] = {}
    for way, cluster in chosen.items():
        few = len(windows) < 2
        labels = np.zeros(0, dtype=int) if few else cluster(embeddings)
        found[way] = [] if few else turns_of(windows, [str(label) for label in labels])
        if local is not None and not few:
            centres = centroids(embeddings, labels)
            more = second_speakers(windows, labels, embeddings, centres, overlapped(local))
            besides = Speakers(more, centres).turns([str(label) for label in range(len(centres))])
            found[f"{way}, overlap"] = [*found[way], *besides]
        elif local is not None:
            found[f"{way}, overlap"] = []
    return found


def stitched_by(
    diarizer: Diarizer, waveform: np.ndarray, local: LocalActivity, chosen: Ways
) -> dict[str, list[Turn]]:
    """Turns of `local` speakers, stitched together by each way."""

    def grouped(way: str, embeddings: np.ndarray, speakers: int | None) -> np.ndarray:
        few = len(embeddings) < 2
        return np.zeros(len(embeddings), dtype=int) if few else chosen[way](embeddings)

    found = {}
    for way in chosen:
        speakers = stitch(waveform, local, diarizer.embed, partial(grouped, way))
        names = [] if speakers is None else [str(n) for n in range(len(speakers.centroids))]
        found[f"{way}, powerset"] = [] if speakers is None else speakers.turns(names)
    return found
