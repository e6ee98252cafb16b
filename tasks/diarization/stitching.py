"""Local speakers of overlapping windows to the speakers of a recording."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from joint.audio import MINIMUM
from joint.conversation.activity import Activity, turns_of
from joint.conversation.clustering import Cluster, Embed, centroids
from joint.directions import unit
from joint.inspection.speech import Region
from joint.training.progress import shown
from joint.units import SAMPLE_RATE, Seconds
from tasks.diarization.segmentation.windows import LocalActivity
from tasks.diarization.speakers import Speakers

ENOUGH: Seconds = 1.0
"""Speech without others of a local speaker who takes part in the clustering; one with less is given
to the nearest cluster."""

AT_ONCE = 64
"""Local speakers whose speech is in memory at once."""


def within(local: LocalActivity, speech: Sequence[Region]) -> LocalActivity:
    """The same windows, silent outside of `speech`."""
    centres = local.offset + local.hop * np.arange(local.frames)
    inside = np.zeros(local.frames, dtype=bool)
    for start, end in speech:
        inside |= (centres >= start) & (centres < end)
    masks = np.stack([inside[first : first + local.active.shape[1]] for first in local.first])
    return replace(local, active=local.active & masks[..., None])


def stitch(
    waveform: np.ndarray,
    local: LocalActivity,
    embed: Embed,
    cluster: Cluster,
    speakers: int | None = None,
    progress: bool = False,
) -> Speakers | None:
    """The speakers of `waveform (S,)`; None where there is none who can be embedded.

    Each local speaker is embedded by the speech that is theirs alone; the embeddings are clustered;
    two local speakers of one window are two clusters, as far as there are enough; in each frame as
    many speak as the windows' mean says, those whom most windows have (Bredin, "pyannote.audio 2.1
    speaker diarization pipeline", Interspeech 2023, §2).
    """
    chosen, embeddings, long = embedded(waveform, local, embed, progress)
    if not len(chosen):
        return None
    if not long.any():
        long[:] = True
    labels = cluster(embeddings[long], speakers)
    centres = centroids(embeddings[long], labels)
    assigned = assignment(local, chosen, embeddings, centres)
    score = np.stack(
        [
            local.summed((local.active & (assigned == k)[:, None]).any(axis=2))
            for k in range(len(centres))
        ]
    )
    order = np.argsort(-score, axis=0, kind="stable")
    rank = np.argsort(order, axis=0)
    active = (rank < local.talking()) & (score > 0)
    activity = Activity(torch.from_numpy(active.astype(np.float32)), local.hop, local.offset)
    names = [str(k) for k in range(len(centres))]
    turns = turns_of(activity, names, len(waveform))
    own = [[Region(t.start, t.end) for t in turns if t.speaker == name] for name in names]
    return Speakers(own, centres)


def embedded(
    waveform: np.ndarray, local: LocalActivity, embed: Embed, progress: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window and number of each local speaker `(n, 2)` who can be embedded, the embeddings `(n,
    E)`, and whether they have `ENOUGH` speech of their own, `(n,)`."""
    alone = local.active & (local.active.sum(axis=2, keepdims=True) == 1)
    least = MINIMUM * SAMPLE_RATE / local.hop
    known = np.argwhere(local.active.sum(axis=1) >= least)
    found, rows, long = [], [], []
    for begin in shown(range(0, len(known), AT_ONCE), "embedding", progress):
        parts = []
        for w, n in known[begin : begin + AT_ONCE].tolist():
            own = alone[w, :, n] if alone[w, :, n].sum() >= least else local.active[w, :, n]
            part = samples_of(waveform, own, local, w)
            if len(part) >= MINIMUM * SAMPLE_RATE and part.any():
                parts.append(part)
                rows.append((w, n))
                long.append(alone[w, :, n].sum() * local.hop >= ENOUGH * SAMPLE_RATE)
        if parts:
            found.append(embed(parts))
    embeddings = np.concatenate(found) if found else np.zeros((0, 0), dtype=np.float32)
    return np.array(rows, dtype=int).reshape(-1, 2), embeddings, np.array(long, dtype=bool)


def samples_of(
    waveform: np.ndarray, frames: np.ndarray, local: LocalActivity, window: int
) -> np.ndarray:
    """The samples of `waveform (S,)` in the true ones of a window's `frames (F,)`, each a hop
    around its centre."""
    border = local.first[window] * local.hop + local.offset - local.hop // 2
    start = max(0, border)
    own = np.repeat(frames, local.hop)[start - border :]
    part = waveform[start : start + len(own)]
    chosen: np.ndarray = part[own[: len(part)]]
    return chosen


def assignment(
    local: LocalActivity, chosen: np.ndarray, embeddings: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """The cluster of each local speaker, `(W, N)`, −1 where there is none: in each window the
    assignment with the highest sum of cosines to `centres (K, E)`; local speakers whom that leaves
    out, as there are fewer clusters, go to the nearest."""
    cosines = unit(embeddings) @ unit(centres).T
    assigned = np.full((len(local.first), local.active.shape[2]), -1)
    for window in np.unique(chosen[:, 0]):
        rows = np.flatnonzero(chosen[:, 0] == window)
        assigned[window, chosen[rows, 1]] = cosines[rows].argmax(axis=1)
        who, clusters = linear_sum_assignment(cosines[rows], maximize=True)
        assigned[window, chosen[rows[who], 1]] = clusters
    return assigned
