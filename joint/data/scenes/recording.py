"""RecordingPlanner: plans what happens to a voice on its way into a recording."""

import copy
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.random import Generator, default_rng

from joint.data.corpus import Corpus
from joint.data.recorded.surroundings import Surroundings
from joint.data.scenes.augmentation import ROOMS
from joint.errors import ConfigError
from joint.scene import EnrollmentPlan, Noise, Room, Segment
from joint.units import Decibels, Samples, Seconds

WHOLE = (0.0, 1.0)
"""The share of an utterance that is all of it."""


@dataclass
class RecordingPlanner:
    """Plans voices, their segments, and how they are recorded; ranges are drawn from uniformly.

    Args:
        speeds: Speed factors; each makes new speakers. The first is 1.
        one_speed: All speakers of a scene share a speed factor; otherwise it tells them apart.
        one_corpus: All speakers of a scene are of one corpus, where several are trained on;
            otherwise the sound of their recordings tells them apart.
        channel_probability: How often a source or an enrolment has a simulated microphone of its
            own, so that speakers are not recognised by their microphones.
        babble_share: Share of simulated noises that are several speakers at once.
        recorded_noise_share, recorded_room_share: Share of noises and of rooms that are recordings,
            where there are such (`surroundings`).
        distortions: What happens to an enrolment last, in this order, each with its own
            probability: what users send is compressed, cut, gated and clipped. A name, and a class
            of joint.data.scenes.distortions as `_target_` with its arguments.
    """

    speeds: tuple[float, ...] = (1.0, 0.9, 1.1)
    one_speed: bool = False
    one_corpus: bool = False
    noise_probability: float = 0.0
    room_probability: float = 0.0
    enrollment_noise_probability: float = 0.0
    enrollment_room_probability: float = 0.0
    channel_probability: float = 0.0
    babble_share: float = 0.5
    recorded_noise_share: float = 0.5
    recorded_room_share: float = 0.5
    noise_snr_db: tuple[Decibels, Decibels] = (5.0, 20.0)
    reverberation: tuple[Seconds, Seconds] = (0.15, 0.5)
    distortions: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.speeds[0] != 1.0:
            raise ConfigError("speeds", str(self.speeds), "1.0 first: it is the natural speaker")
        self.surroundings = Surroundings()

    def within(self, surroundings: Surroundings) -> Self:
        """The same planner, with recorded noises and rooms beside the simulated ones."""
        planner = copy.copy(self)
        planner.surroundings = surroundings
        return planner

    def speaker_count(self, corpus: Corpus) -> int:
        """Classes: every speaker at every speed."""
        return len(corpus.speakers) * len(self.speeds)

    def _voice(self, corpus: Corpus, rng: Generator, speaker: int) -> tuple[int, int]:
        """A speaker and the index of a speed."""
        return int(speaker), int(rng.integers(len(self.speeds)))

    def _others(
        self,
        corpus: Corpus,
        rng: Generator,
        target: tuple[int, int],
        count: int,
        besides: list[tuple[int, int]] | None = None,
    ) -> list[tuple[int, int]]:
        taken = {target[0], *(v[0] for v in besides or [])}
        speakers = corpus.peers(target[0]) if self.one_corpus else corpus.scene_speakers
        chosen = rng.choice(len(speakers) - len(taken), size=count, replace=False)
        for place in np.searchsorted(speakers, sorted(taken)):  # places among the others
            chosen += chosen >= place
        voices = [self._voice(corpus, rng, s) for s in speakers[chosen]]
        return [(s, target[1]) for s, _ in voices] if self.one_speed else voices

    def _segment(
        self,
        corpus: Corpus,
        rng: Generator,
        utterance: int,
        voice: tuple[int, int],
        longest: Samples,
        share: tuple[float, float] = WHOLE,
    ) -> Segment:
        """A stretch of an utterance, or of that `share` of it."""
        speaker, speed_index = voice
        speed = self.speeds[speed_index]
        whole = corpus.utterances[utterance].length(speed)
        first, last = round(share[0] * whole), round(share[1] * whole)
        length = min(last - first, longest)
        start = first + int(rng.integers(last - first - length + 1))
        return Segment(
            utterance, speaker + speed_index * len(corpus.speakers), speed, start, length
        )

    def _segments(
        self,
        corpus: Corpus,
        rng: Generator,
        utterance: int,
        voice: tuple[int, int],
        longest: Samples,
        count: int,
    ) -> list[Segment]:
        """Stretches of one utterance in a random order, that do not overlap where it has room;
        where it has not, they are as far apart as they can be, the first two at its ends."""
        drawn = [self._segment(corpus, rng, utterance, voice, longest) for _ in range(count)]
        whole = corpus.utterances[utterance].length(drawn[0].speed)
        free = whole - count * drawn[0].length
        if count == 1:
            return drawn
        if free < 0:
            even = np.linspace(0, whole - drawn[0].length, count).round()
            starts = np.concatenate([rng.permutation(even[[0, -1]]), rng.permutation(even[1:-1])])
        else:
            gaps = np.sort(rng.integers(free + 1, size=count))
            starts = rng.permutation(gaps + drawn[0].length * np.arange(count))
        return [replace(s, start=int(start)) for s, start in zip(drawn, starts, strict=True)]

    def _channel(self, rng: Generator) -> int | None:
        return None if rng.random() >= self.channel_probability else int(rng.integers(2**31))

    def _noise(
        self,
        corpus: Corpus,
        rng: Generator,
        probability: float,
        voices: list[tuple[int, int]],
        length: Samples,
    ) -> Noise | None:
        if rng.random() >= probability:
            return None
        recorded = self.surroundings.noises
        if recorded is not None and rng.random() < self.recorded_noise_share:
            stretches, level = recorded.draw(rng, length)
            return Noise(int(rng.integers(2**31)), level, (), 0.0, stretches)
        segments: tuple[Segment, ...] = ()
        near = corpus.peers(voices[0][0]) if self.one_corpus else corpus.scene_speakers
        others = len(near) - len(voices)
        if others >= 3 and rng.random() < self.babble_share:
            count = int(rng.integers(3, min(7, others) + 1))
            babble = self._others(corpus, rng, voices[0], count, besides=voices)
            segments = tuple(
                self._segment(corpus, rng, int(rng.choice(corpus.of_speaker[v[0]])), v, length)
                for v in babble
            )
        return Noise(
            seed=int(rng.integers(2**31)),
            snr_db=float(rng.uniform(*self.noise_snr_db)),
            segments=segments,
            slope_db_per_octave=float(rng.uniform(-6.0, 0.0)),
        )

    def _room(self, rng: Generator, probability: float, count: int) -> Room | None:
        if rng.random() >= probability:
            return None
        recorded = self.surroundings.rooms
        if recorded is not None and rng.random() < self.recorded_room_share:
            return Room(0, 0.0, recorded.draw(rng, count))
        seed = int(rng.integers(ROOMS))
        low, high = self.reverberation
        return Room(seed, low + (high - low) * float(default_rng((seed, 2)).random()))

    def _enrollment(
        self, corpus: Corpus, rng: Generator, segment: Segment, source: int
    ) -> EnrollmentPlan:
        speed_index, speaker = divmod(segment.speaker, len(corpus.speakers))
        voice = (speaker, speed_index)
        noise = self._noise(corpus, rng, self.enrollment_noise_probability, [voice], segment.length)
        room = self._room(rng, self.enrollment_room_probability, 1)
        channel = self._channel(rng)
        return EnrollmentPlan(segment, source, noise, room, channel, self._distortions(rng))

    def _distortions(self, rng: Generator) -> tuple[tuple[str, int], ...]:
        """Names of the distortions, each with a seed."""
        return tuple(
            (name, int(rng.integers(2**31)))
            for name, distortion in self.distortions.items()
            if rng.random() < distortion.probability
        )
