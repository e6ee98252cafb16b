"""Who on screen is speaking: people on screen linked to the speakers of a recording."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

from joint.conversation.timeline import speakers_of
from joint.conversation.turns import Turn
from joint.units import SAMPLE_RATE, Seconds
from tasks.audiovisual.linking.people import Person, visible

LEAST = 0.15
"""Correlation from which on a person on screen is taken for a speaker; chosen on shots planned for
conversations of validation speakers."""
SMOOTHED: Seconds = 1.0
"""A mouth closes between syllables: its motion is averaged over so long."""

IDENTITY, ACTIVITY = "identity", "activity"
"""How a link was found: one name of both, or the speaker speaks when the person is seen."""


@dataclass(frozen=True)
class Link:
    """Person and speaker who are one, how that was found, and the score: the cosine of the tracks
    with the person's portraits, or the correlation of `correlations`."""

    person: str
    speaker: str
    by: str
    score: float


@dataclass(frozen=True)
class Screen:
    """The result: `people` on screen in pictures at `times (F,)` in seconds, the `turns` of the
    speakers, who have the names of known people they are linked to, and the `links`."""

    times: np.ndarray
    people: Sequence[Person]
    turns: Sequence[Turn]
    links: Sequence[Link]

    def speaker(self, person: str) -> Link | None:
        """The link of a person; None for one who does not speak."""
        return next((link for link in self.links if link.person == person), None)

    def person(self, speaker: str) -> Link | None:
        """The link of a speaker; None for one who is off-screen."""
        return next((link for link in self.links if link.speaker == speaker), None)

    def speaking(self) -> np.ndarray:
        """A score that each person speaks in each picture, `(P, F)`: that of the link while its
        speaker has a turn, else 0."""
        scores = np.zeros((len(self.people), len(self.times)))
        for row, person in zip(scores, self.people, strict=True):
            if (link := self.speaker(person.name)) is not None:
                row[spoken(self.turns, [link.speaker], self.times)[0]] = link.score
        return scores


def link_screen(
    times: np.ndarray,
    people: Sequence[Person],
    turns: Sequence[Turn],
    enrolled: Collection[str] = (),
    least: float = LEAST,
) -> Screen:
    """Link people on screen to speakers, one to one.

    People and speakers of one name are linked by it: those known by portraits and by the speaker
    database. The others are assigned so that the sum of their correlations is largest (Kuhn, 1955),
    if these are `least` or more; two who have different known names are never linked. A speaker
    without a known name who is linked to a person with one gets it.

    Args:
        times: of the F pictures, in seconds.
        enrolled: the speakers whose names are known.
    """
    speakers = speakers_of(turns)
    links = [
        Link(person.name, person.name, IDENTITY, person.cosine)
        for person in people
        if person.cosine is not None and person.name in speakers
    ]
    taken = {link.person for link in links}
    some = [person for person in people if person.name not in taken]
    others = [speaker for speaker in speakers if speaker not in taken]
    if some and others and len(times):
        scores = correlations(evidence(some, times), spoken(turns, others, times))
        for row, person in enumerate(some):
            if person.known:
                scores[row, [name in enrolled for name in others]] = 0.0
        above = np.maximum(scores - least, 0.0)
        for row, place in zip(*linear_sum_assignment(above, maximize=True), strict=True):
            if scores[row, place] >= least:
                score = float(scores[row, place])
                links.append(Link(some[row].name, others[place], ACTIVITY, score))
    return _named(Screen(times, people, turns, links))


def evidence(people: Sequence[Person], times: np.ndarray) -> np.ndarray:
    """How much each picture speaks for each person's speaking, `(P, F)` in [0, 1]: 0 where the
    person is not seen, else the rank of the mouth's motion among all the person's pictures; 0.5
    throughout for one that never moves."""
    found = np.zeros((len(people), len(times)))
    rate = (len(times) - 1) / max(times[-1] - times[0], 1e-9) if len(times) > 1 else 1.0
    width = max(1, round(SMOOTHED * rate))
    for row, person in zip(found, people, strict=True):
        frames = np.concatenate([track.frames for track in person.tracks])
        motion = np.concatenate([_smoothed(track.motion, width) for track in person.tracks])
        row[frames] = (rankdata(motion) - 0.5) / len(motion)
    return found


def correlations(evidences: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each row of `evidences (P, F)` with each of `active (K, F)`, `(P,
    K)`; 0 for a constant row.

    The synchrony of a picture's changes and sound as correlation: Hershey and Movellan, "Audio
    vision: using audio-visual synchrony to locate sounds", NIPS 1999; of pictures in which a person
    is seen it is the phi coefficient of being seen and speaking.
    """
    a, b = (rows - rows.mean(axis=1, keepdims=True) for rows in (evidences, active.astype(float)))
    lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
    found: np.ndarray = np.where(lengths > 1e-9, (a @ b.T) / np.maximum(lengths, 1e-9), 0.0)
    return found


def spoken(turns: Sequence[Turn], speakers: Sequence[str], times: np.ndarray) -> np.ndarray:
    """Whether each speaker has a turn at each of `times (F,)` in seconds, bool `(K, F)`."""
    active = np.zeros((len(speakers), len(times)), dtype=bool)
    for turn in turns:
        if turn.speaker in speakers:
            inside = (times >= turn.start / SAMPLE_RATE) & (times < turn.end / SAMPLE_RATE)
            active[speakers.index(turn.speaker)] |= inside
    return active


def _smoothed(motion: Sequence[float], width: int) -> np.ndarray:
    counts = np.convolve(np.ones(len(motion)), np.ones(width), "full")
    sums = np.convolve(motion, np.ones(width), "full")
    middle = slice((width - 1) // 2, (width - 1) // 2 + len(motion))
    smooth: np.ndarray = (sums / counts)[middle]
    return smooth


def _named(screen: Screen) -> Screen:
    """With known people's names for the speakers who are linked to them."""
    known = {person.name for person in screen.people if person.known}
    names = {link.speaker: link.person for link in screen.links if link.person in known}
    return replace(
        screen,
        turns=[replace(t, speaker=names.get(t.speaker, t.speaker)) for t in screen.turns],
        links=[
            replace(link, speaker=names.get(link.speaker, link.speaker)) for link in screen.links
        ],
    )


def seconds_seen(screen: Screen) -> np.ndarray:
    """For how long each person is seen, `(P,)`; a picture counts until the next."""
    if not len(screen.times):
        return np.zeros(len(screen.people))
    lengths = np.diff(screen.times, append=screen.times[-1])
    seconds: np.ndarray = visible(screen.people, len(screen.times)) @ lengths
    return seconds
