"""Transcripts turn by turn, each of its speaker alone, whom others may overlap.

turns of a diarizer ──► each speaker's enrolment: what they say without others
                    ──► each turn: the speaker extracted where others overlap, or a recogniser that
                        follows the enrolled speaker ──► words
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from joint.audio import MINIMUM
from joint.conversation.activity import own_speech, spoken_steps
from joint.conversation.turns import Turn, in_order
from joint.scene import ACTIVITY_HOP
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.recognition.conversations.attribution import PAUSE
from tasks.recognition.conversations.cascades import Extract, Recognise, recognised

MARGIN: Seconds = 0.1
"""Context on either side of a turn, whose borders are not exact."""
CONTEXT: Seconds = 1.0
"""What an extractor is given on either side of a stretch where others talk."""
ENROLLED: Seconds = 10.0
"""Speech that a speaker is enrolled with, at most."""

Follow = Callable[[np.ndarray, np.ndarray], list[str]]
"""A mixture `(S,)` and an enrolment `(S',)` to that speaker's words."""


@dataclass(frozen=True)
class Part:
    """What is recorded around a turn: `waveform (S,)`, where others talk too, `overlapped (S,)`
    bool, and the speaker's `enrolment (S',)`; None for one who says too little to be enrolled."""

    turn: Turn
    waveform: np.ndarray
    overlapped: np.ndarray
    enrolment: np.ndarray | None


def separated(
    waveform: np.ndarray, turns: Sequence[Turn], extract: Extract, recognise: Recognise
) -> list[Turn]:
    """The turns in `waveform (S,)` with the words of a recogniser of one speaker, in order, without
    those that have none. Where others talk too, it gets the speaker's extracted speech, else the
    recording."""
    found = []
    for part in parts_of(waveform, turns):
        speech = part.waveform
        if part.enrolment is not None and part.overlapped.any():
            around = context_of(part.overlapped)
            voice = extract(speech[around], part.enrolment)
            speech = speech.copy()
            speech[around] = np.where(part.overlapped[around], voice, speech[around])
        found.append(replace(part.turn, text=" ".join(recognised(recognise, speech))))
    return [turn for turn in found if turn.text]


def followed(waveform: np.ndarray, turns: Sequence[Turn], follow: Follow) -> list[Turn]:
    """As `separated`, by a recogniser that follows the enrolled speaker in the mixture; who says
    too little to be enrolled has no words."""
    found = []
    for part in parts_of(waveform, turns):
        if part.enrolment is not None:
            words = recognised(following(follow, part.enrolment), part.waveform)
            found.append(replace(part.turn, text=" ".join(words)))
    return [turn for turn in found if turn.text]


def following(follow: Follow, enrolment: np.ndarray) -> Recognise:
    """`follow`, of one enrolled speaker."""
    return lambda mixture: follow(mixture, enrolment)


def parts_of(waveform: np.ndarray, turns: Sequence[Turn]) -> Iterator[Part]:
    """What is recorded around each of the `turns` of `waveform (S,)`, one after the other; turns of
    one speaker with a pause shorter than `PAUSE` are one."""
    names = list(dict.fromkeys(turn.speaker for turn in turns))
    active = spoken_steps(turns, names, len(waveform))
    talking = active.sum(axis=0)
    enrolments = [own_speech(waveform, active, k, ENROLLED) for k in range(len(names))]
    margin: Samples = round(MARGIN * SAMPLE_RATE)
    for turn in without_pauses(turns):
        who = names.index(turn.speaker)
        start, end = max(0, turn.start - margin), min(len(waveform), turn.end + margin)
        steps = np.arange(start, end) // ACTIVITY_HOP
        overlapped = talking[steps] > active[who, steps]
        own = enrolments[who]
        known = len(own) >= MINIMUM * SAMPLE_RATE and own.any()
        yield Part(turn, waveform[start:end], overlapped, own if known else None)


def context_of(overlapped: np.ndarray) -> slice:
    """From the first to the last sample where others talk, with `CONTEXT`."""
    places, context = np.flatnonzero(overlapped), round(CONTEXT * SAMPLE_RATE)
    return slice(max(0, int(places[0]) - context), int(places[-1]) + 1 + context)


def without_pauses(turns: Sequence[Turn]) -> list[Turn]:
    """The turns in order; those of one speaker with a shorter pause than `PAUSE` are one."""
    found: dict[str, list[Turn]] = {}
    for turn in in_order(turns):
        own = found.setdefault(turn.speaker, [])
        if own and turn.start - own[-1].end < PAUSE * SAMPLE_RATE:
            before = own.pop()
            turn = replace(before, end=max(before.end, turn.end))
        own.append(turn)
    return in_order(turn for own in found.values() for turn in own)
