"""Tracks of faces: the same face in one picture of a video after the other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from joint.directions import unit
from joint.units import Seconds
from tasks.audiovisual.faces.face import Box, Face, FaceEncoder
from tasks.audiovisual.video.mouth import mouth_motion
from tasks.audiovisual.video.reading import Frame

OVERLAP = 0.3
"""Intersection over union of a face's boxes in two pictures, at least."""
GAP: Seconds = 0.7
"""After so long without it, a face that comes back is another track."""
ALIKE = 0.9
"""Correlation of two aligned faces from which on nothing has changed; else embeddings decide."""
EVERY: Seconds = 2.0
"""After so long a track's face is embedded again."""
CELLS = 16
SHORTEST = 2
"""Pictures of a track; what a detector finds in one alone is often no face."""


@dataclass
class Track:
    """A face in n pictures: their numbers `frames`, its `boxes`, the `motion` of its mouth since
    the picture before, and embeddings `(V,)` of some of them."""

    frames: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    embeddings: list[np.ndarray] = field(default_factory=list)

    @property
    def embedding(self) -> np.ndarray:
        """The mean direction of its embeddings, `(V,)`."""
        mean: np.ndarray = unit(unit(np.stack(self.embeddings)).mean(axis=0))
        return mean


@dataclass(frozen=True)
class Tracks:
    """The tracks in the pictures of a video, which are at `times (F,)` in seconds."""

    times: np.ndarray
    tracks: Sequence[Track]


@dataclass
class _Live:
    """A track that may go on: when its face was seen and embedded last, and how it looked."""

    track: Track
    face: Face
    crop: np.ndarray
    seen: Seconds
    embedded: Seconds


def track_faces(frames: Iterable[Frame], encoder: FaceEncoder, same: float) -> Tracks:
    """Detect the faces in each picture and put together those of one person that overlap from one
    picture to the next, as in Everingham, Sivic, Zisserman, "Hello! My name is... Buffy", BMVC
    2006. Where a face looks otherwise than before, as after a cut, its embedding has to be at a
    cosine of `same` or more to the track's.

    One picture is held at a time. Faces that turn away or leave for `GAP` begin another track.
    """
    times: list[Seconds] = []
    tracks: list[Track] = []
    live: list[_Live] = []
    for number, (time, picture) in enumerate(frames):
        times.append(time)
        found = encoder.detector(picture)
        crops = [encoder.embedder.crop(picture, face) for face in found]
        live = [each for each in live if time - each.seen <= GAP]
        before = _continued(live, found)
        asked = [
            row
            for row, (old, crop) in enumerate(zip(before, crops, strict=True))
            if old is None or time - old.embedded >= EVERY or not alike(old.crop, crop)
        ]
        embeddings = dict(
            zip(asked, encoder.embedder.embed([crops[i] for i in asked]), strict=True)
        )
        for row, (face, crop, old) in enumerate(zip(found, crops, before, strict=True)):
            embedding = embeddings.get(row)
            if old is not None and embedding is not None:
                old = old if old.track.embedding @ unit(embedding) >= same else None
            motion = 0.0 if old is None else mouth_motion(old.crop, crop)
            if old is None:
                old = _Live(Track(), face, crop, time, time)
                tracks.append(old.track)
                live.append(old)
            old.face, old.crop, old.seen = face, crop, time
            old.track.frames.append(number)
            old.track.boxes.append(face.box)
            old.track.motion.append(motion)
            if embedding is not None:
                old.track.embeddings.append(embedding)
                old.embedded = time
    return Tracks(np.array(times), [t for t in tracks if len(t.frames) >= SHORTEST])


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two aligned faces `(C, C, 3)` correlate, in cells of a sixteenth of their width."""
    a, b = (_cells(crop) for crop in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return bool((a * b).sum() >= ALIKE * np.sqrt((a * a).sum() * (b * b).sum()))


def _cells(crop: np.ndarray) -> np.ndarray:
    width = len(crop) // CELLS
    grey = crop[: CELLS * width, : CELLS * width].mean(axis=2)
    cells: np.ndarray = grey.reshape(CELLS, width, CELLS, width).mean(axis=(1, 3))
    return cells


def _continued(live: Sequence[_Live], found: Sequence[Face]) -> list[_Live | None]:
    """For each face found the track whose last box it overlaps most, no track twice."""
    before: list[_Live | None] = [None] * len(found)
    if not live or not found:
        return before
    overlap = np.array([[face.overlap(old.face) for old in live] for face in found])
    for row, place in zip(*linear_sum_assignment(overlap, maximize=True), strict=True):
        if overlap[row, place] >= OVERLAP:
            before[row] = live[place]
    return before
