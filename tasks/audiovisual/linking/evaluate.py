"""How well people on screen are linked to speakers, against who is shown where and speaks when."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from joint.conversation.timeline import speakers_of
from joint.conversation.turns import Turn
from joint.units import SAMPLE_RATE, Seconds
from tasks.audiovisual.faces.face import Box, overlap
from tasks.audiovisual.linking.screen import Screen, spoken

LOCATED = 0.5
"""Intersection over union of a box found with the reference's, at least, as in AVA."""
MISSED = -1.0
"""Score of a face that was not found."""


@dataclass(frozen=True)
class Shown:
    """Reference: a person's face in the `box`, in pixels, from `start` to `end`, in seconds."""

    name: str
    start: Seconds
    end: Seconds
    box: Box


@dataclass(frozen=True)
class LinkFigures:
    """Of a video: the reference's speakers, people on screen and tracks, how many of each are
    linked as they should be, and the scores of the reference's faces in all pictures, `(N,)`, with
    whether their person speaks, bool `(N,)`."""

    speakers: int
    speakers_right: int
    tracks: int
    tracks_right: int
    faces_found: int
    scores: np.ndarray
    labels: np.ndarray


def evaluate_links(screen: Screen, shown: Sequence[Shown], turns: Sequence[Turn]) -> LinkFigures:
    """Compare with the reference's faces and turns, which have one name for each person.

    A speaker found is the reference's with whom it shares most time, one to one (Kuhn, 1955); a
    track's person is the one in whose box it is most often. A speaker is right who is linked to the
    person of that name, or to nobody and never shown; a track, whose person's speaker is that of
    its name, or who has none and whose name has no turn. The average precision of scores and labels
    is the measure of AVA-ActiveSpeaker (Roth and others, ICASSP 2020).
    """
    names = speakers_of(turns)
    mapped = _mapped(screen.turns, turns)
    where = {
        (number, box): (row, track)
        for row, person in enumerate(screen.people)
        for track, own in enumerate(person.tracks)
        for number, box in zip(own.frames, own.boxes, strict=True)
    }
    boxes: dict[int, list[Box]] = {}
    for number, own_box in where:
        boxes.setdefault(number, []).append(own_box)
    active = dict(zip(names, spoken(turns, names, screen.times), strict=True))
    speaking = screen.speaking()
    scores, labels, found = [], [], 0
    votes: dict[tuple[int, int], Counter[str]] = {}
    for each in shown:
        inside = (screen.times >= each.start) & (screen.times < each.end)
        for number in np.flatnonzero(inside).tolist():
            box = max(boxes.get(number, []), key=lambda b: overlap(b, each.box), default=None)
            labels.append(bool(each.name in active and active[each.name][number]))
            if box is None or overlap(box, each.box) < LOCATED:
                scores.append(MISSED)
                continue
            found += 1
            row, track = where[number, box]
            scores.append(float(speaking[row, number]))
            votes.setdefault((row, track), Counter())[each.name] += 1
    own = {place: count.most_common(1)[0][0] for place, count in votes.items()}
    right = 0
    for (row, _), name in own.items():
        link = screen.speaker(screen.people[row].name)
        right += (name if name in names else None) == (link and mapped.get(link.speaker))
    return LinkFigures(
        len(names),
        _speakers_right(screen, names, mapped, own, {each.name for each in shown}),
        sum(len(person.tracks) for person in screen.people),
        right,
        found,
        np.array(scores),
        np.array(labels, dtype=bool),
    )


def _speakers_right(
    screen: Screen,
    names: Sequence[str],
    mapped: dict[str, str],
    own: dict[tuple[int, int], str],
    visible: Iterable[str],
) -> int:
    """How many speakers of the reference have the right person, or rightly none."""
    rows = {person.name: row for row, person in enumerate(screen.people)}
    linked: dict[str, str | None] = {}
    for speaker, name in mapped.items():
        if (link := screen.person(speaker)) is not None:
            votes = Counter(known for (row, _), known in own.items() if row == rows[link.person])
            linked[name] = votes.most_common(1)[0][0] if votes else None
    return sum(
        linked[name] == name if name in linked else name not in set(visible) for name in names
    )


def _mapped(found: Sequence[Turn], turns: Sequence[Turn]) -> dict[str, str]:
    """The reference's speaker for each speaker found, where they share any time."""
    ours, theirs = speakers_of(found), speakers_of(turns)
    end = max((turn.end for turn in (*found, *turns)), default=0) / SAMPLE_RATE
    steps = np.arange(0.0, end, 0.01)
    active = spoken(found, ours, steps).astype(float), spoken(turns, theirs, steps).astype(float)
    together = active[0] @ active[1].T
    rows, places = linear_sum_assignment(together, maximize=True)
    return {
        ours[row]: theirs[place]
        for row, place in zip(rows, places, strict=True)
        if together[row, place] > 0
    }
