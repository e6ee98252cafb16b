"""TurnPlanner: plans sources that follow one another, as people in a conversation do."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from joint.data.corpus import Corpus
from joint.data.scenes.recording import RecordingPlanner
from joint.scene import Source
from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

NO_LIMIT: Samples = 2**62


@dataclass
class TurnPlanner(RecordingPlanner):
    """Plans sources one after the other; ranges are drawn from uniformly.

    Args:
        snr_db: Level of the target over each interferer.
        delay: If given, the sources are whole utterances in a random order; each starts after such
            a share of the one before it: below 1 they overlap, above 1 there is a pause.
        turns: With `delay`, how often each speaker talks. Where that is more than once, the sources
            are the speakers' first turns in the order of the speakers, then their second ones and
            so on; a turn is a stretch of an utterance, of another one as long as the speaker has
            more than the one to enrol with, and starts after the speaker's own last one.
        turn: The longest turn, where there are several.
    """

    snr_db: tuple[Decibels, Decibels] = (-5.0, 5.0)
    delay: tuple[float, float] | None = None
    turns: int = 1
    turn: Seconds = 4.0

    def _in_turn(
        self,
        corpus: Corpus,
        rng: Generator,
        utterances: list[int],
        voices: list[tuple[int, int]],
    ) -> tuple[Source, ...]:
        """Whole utterances, one after the other in a drawn order, overlapping."""
        assert self.delay is not None
        segments = [
            self._segment(corpus, rng, utterance, voice, NO_LIMIT)
            for utterance, voice in zip(utterances, voices, strict=True)
        ]
        offset, offsets = 0, [0] * len(voices)
        for place in rng.permutation(len(voices)):
            offsets[place] = offset
            offset += round(segments[place].length * rng.uniform(*self.delay))
        levels = [0.0, *rng.uniform(*self.snr_db, size=len(voices) - 1)]
        return tuple(
            Source(segment, start, float(snr_db), self._channel(rng))
            for segment, start, snr_db in zip(segments, offsets, levels, strict=True)
        )

    def _conversation(
        self,
        corpus: Corpus,
        rng: Generator,
        utterances: list[int],
        voices: list[tuple[int, int]],
    ) -> tuple[Source, ...]:
        """Several turns of each of `voices`, of which the first is of its utterance in
        `utterances`."""
        assert self.delay is not None
        people, longest = len(voices), round(self.turn * SAMPLE_RATE)
        levels = [0.0, *rng.uniform(*self.snr_db, size=people - 1).tolist()]
        channels = [self._channel(rng) for _ in voices]
        spoken = [
            turn_utterances(corpus, rng, voice[0], first, self.turns)
            for voice, first in zip(voices, utterances, strict=True)
        ]
        sources = [
            Source(
                self._segment(corpus, rng, spoken[i][turn], voices[i], longest),
                0,
                levels[i],
                channels[i],
            )
            for turn in range(self.turns)
            for i in range(people)
        ]
        first = sources[0].segment.length
        start: Samples = 0
        free = [0] * people  # where each speaker's last turn ends
        for turn in range(self.turns):
            for i in rng.permutation(people):
                place = turn * people + int(i)
                own = sources[place]
                start = max(start, free[i])
                # one level a speaker: the SNR is of energies, and turns differ in length
                snr_db = own.snr_db + 10.0 * float(np.log10(first / own.segment.length))
                sources[place] = replace(own, offset=start, snr_db=snr_db)
                free[i] = start + own.segment.length
                start += round(own.segment.length * rng.uniform(*self.delay))
        return tuple(sources)


def turn_utterances(
    corpus: Corpus, rng: Generator, speaker: int, first: int, turns: int
) -> list[int]:
    """An utterance of `speaker` for each turn, `first` for the first: different ones as long as
    there are any, but one is left to enrol with where there are two."""
    own = corpus.of_speaker[speaker]
    others = rng.permutation(own[own != first])[1:].tolist()
    chosen = [first, *(int(utterance) for utterance in others)]
    return [chosen[turn % len(chosen)] for turn in range(turns)]
