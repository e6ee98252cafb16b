"""The people on screen: tracks of one person's face, and whose it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import numpy as np

from joint.directions import unit
from joint.errors import DataError
from tasks.audiovisual.faces.face import FaceEncoder
from tasks.audiovisual.faces.reading import ENDINGS, read_picture
from tasks.audiovisual.video.tracks import Track, Tracks


@dataclass
class Person:
    """A person on screen: the `name`, the `tracks` of the face, and, of a person who is known by
    portraits, the mean cosine of the tracks with them."""

    name: str
    tracks: list[Track] = field(default_factory=list)
    cosine: float | None = None

    @property
    def known(self) -> bool:
        """Whether the name is that of portraits."""
        return self.cosine is not None


def people_of(found: Tracks, portraits: Mapping[str, np.ndarray], same: float) -> list[Person]:
    """Give each track to a person, those with the most pictures first: the one whose portraits, or
    tracks so far, are nearest, at a cosine of `same` or more and never seen at once with this
    track; else to another person. In the order in which they appear, from left to right.

    Args:
        portraits: embeddings `(k, V)` of pictures of people by name; others are person1, ….
    """
    known = {name: unit(unit(own).mean(axis=0)) for name, own in portraits.items()}
    people = [Person(name) for name in known]
    for track in sorted(found.tracks, key=lambda t: -len(t.frames)):
        cosines = [_cosine(track, each, known.get(each.name)) for each in people]
        best = int(np.argmax(cosines)) if people else -1
        if best < 0 or cosines[best] < same:
            people.append(Person(""))
            best = -1
        people[best].tracks.append(track)
    seen = [person for person in people if person.tracks]
    seen.sort(key=lambda person: min((t.frames[0], t.boxes[0]) for t in person.tracks))
    unknown = (name for n in count(1) if (name := f"person{n}") not in known)
    for person in seen:
        if person.name:
            own = known[person.name]
            person.cosine = float(np.mean([track.embedding @ own for track in person.tracks]))
        else:
            person.name = next(unknown)
    return seen


def read_portraits(folder: str | Path, encoder: FaceEncoder) -> dict[str, np.ndarray]:
    """Embeddings `(k, V)` of the people of a folder, each with a folder of pictures of their own.

    Raises DataError for a folder without people, and for a picture without a face or with several.
    """
    folder = Path(folder)
    own = {
        each.name: sorted(path for path in each.iterdir() if path.suffix.lower() in ENDINGS)
        for each in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if each.is_dir()
    }
    if not any(own.values()):
        raise DataError(folder, "no portraits", "a folder of pictures for each person")
    return {
        name: encoder([read_picture(path) for path in paths], paths)
        for name, paths in own.items()
        if paths
    }


def _cosine(track: Track, person: Person, portraits: np.ndarray | None) -> float:
    """Of a track with a person's portraits, or tracks; -1 where both are seen at once."""
    frames = set(track.frames)
    if any(not frames.isdisjoint(other.frames) for other in person.tracks):
        return -1.0
    if portraits is not None:
        return float(track.embedding @ portraits)
    sizes = np.array([len(other.frames) for other in person.tracks], dtype=float)
    mean = sizes @ np.stack([other.embedding for other in person.tracks])
    return float(track.embedding @ unit(mean))


def visible(people: Sequence[Person], frames: int) -> np.ndarray:
    """Whether each person is seen in each of so many pictures, bool `(P, F)`."""
    seen = np.zeros((len(people), frames), dtype=bool)
    for row, person in zip(seen, people, strict=True):
        for track in person.tracks:
            row[track.frames] = True
    return seen
