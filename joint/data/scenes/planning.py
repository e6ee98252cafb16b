"""ScenePlanner: plans scenes, each a function of (seed, epoch, index)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator, default_rng

from joint.data.corpus import Corpus
from joint.data.scenes.ordering import visiting_order
from joint.data.scenes.recording import WHOLE
from joint.data.scenes.turn_taking import TurnPlanner
from joint.errors import ConfigError, first_of
from joint.scene import ABSENT, EnrollmentPlan, Scene, Source
from joint.units import SAMPLE_RATE, Decibels, Samples, Seconds

HALVES = ((0.0, 0.5), (0.5, 1.0))
"""Shares of an utterance: one to talk in, the other to enrol with."""


@dataclass
class ScenePlanner(TurnPlanner):
    """Plans scenes of one kind; ranges are drawn from uniformly. What happens to a single voice on
    its way into a recording is planned as RecordingPlanner says, sources that follow one another as
    TurnPlanner does.

    Args:
        speakers: Speakers of the mixture; 0: no mixture, enrolments alone.
        enrollments: How many of them are enrolled, the target first.
        segments: Without a mixture, how many enrolments are made of one utterance: stretches of
            their own, apart from each other where the utterance is long enough, each with noise,
            room and channel of its own.
        repeat_augmentation: The last of the segments has those of the first.
        utterances_per_speaker: Scenes in a row with the same target, as losses need that compare
            recordings; a batch should hold a multiple of them.
        chunk, enrollment: Lengths of the mixture and of an enrolment.
        overlap: Share of the chunk in which an interferer talks, at a random place.
        delay: See TurnPlanner; with it `chunk` and `overlap` are not used.
        similar: With `delay`, scenes in a row whose targets have similar lengths, so that a batch
            has little padding.
        absent_probability: How often another speaker, who is not in the mixture, is enrolled in the
            target's place.
        gain_db: Level of the mixture and its references together.
        rest_enrols: A speaker of one utterance talks in one half of it and is enrolled with the
            other; without it such a speaker is refused.
    """

    speakers: int = 2
    enrollments: int = 1
    segments: int = 1
    repeat_augmentation: bool = False
    utterances_per_speaker: int = 1
    chunk: Seconds = 3.0
    enrollment: Seconds = 3.0
    overlap: tuple[float, float] = (1.0, 1.0)
    similar: int = 1
    absent_probability: float = 0.0
    gain_db: tuple[Decibels, Decibels] = (-6.0, 6.0)
    rest_enrols: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.enrollments <= max(self.speakers, 1):
            raise ConfigError(
                "enrollments", str(self.enrollments), f"1 to {max(self.speakers, 1)} (the speakers)"
            )
        if self.segments < 1 or (self.segments > 1 and self.speakers):
            found = f"{self.segments} and {self.speakers} speakers"
            raise ConfigError("segments", found, "1 or more, and more than 1 without a mixture")
        if self.repeat_augmentation and self.segments < 2:
            raise ConfigError("repeat_augmentation", f"{self.segments} segments", "2 or more")
        if (rows := self.utterances_per_speaker) < 1:
            raise ConfigError("utterances_per_speaker", str(rows), "1 or more")
        if self.similar < 1 or (self.similar > 1 and self.utterances_per_speaker > 1):
            raise ConfigError(
                "similar", str(self.similar), "1 or more, and 1 where a target has several scenes"
            )
        if self.turns < 1 or (self.turns > 1 and self.delay is None):
            raise ConfigError("turns", str(self.turns), "1, or more with a delay")
        super().__post_init__()

    def check(self, corpus: Corpus) -> None:
        """Raises ConfigError where the corpus has too few speakers or utterances for a scene."""
        needed = max(self.speakers, 1) + (1 if self.absent_probability else 0)
        speakers = corpus.scene_speakers
        fewest = len(speakers)
        if self.one_corpus:
            fewest = min((len(corpus.peers(speaker)) for speaker in speakers), default=0)
        if fewest < needed:
            raise ConfigError(corpus.where, f"{fewest} speakers", f"{needed} for such scenes")
        if corpus.epoch_size < self.utterances_per_speaker:
            raise ConfigError(
                corpus.where,
                f"{corpus.epoch_size} utterances",
                f"{self.utterances_per_speaker} for one row",
            )
        if self.rest_enrols and self.delay is not None:
            raise ConfigError("rest_enrols", "delay", "no delay, which takes whole utterances")
        several = (self.speakers and not self.rest_enrols) or self.utterances_per_speaker > 1
        single = [corpus.speakers[s] for s in speakers if len(corpus.of_speaker[s]) < 2]
        if several and single:
            found = f"{len(single)} of {len(speakers)} speakers with one utterance"
            expected = "two or more of each speaker, one to enrol with"
            raise ConfigError(corpus.where, f"{found} ({first_of(single)})", expected)

    def epoch_length(self, corpus: Corpus) -> int:
        """Scenes of an epoch: whole rows of one target, or whole groups of similar lengths, where
        there is one, so that later epochs' batches are of one group too."""
        row = self.utterances_per_speaker * self.similar  # one of them is 1
        return corpus.epoch_size // row * row or corpus.epoch_size

    def plan(self, corpus: Corpus, seed: int, epoch: int, index: int) -> Scene:
        """The plan of scene `index` in `epoch`: an epoch has every utterance that it visits
        once as target (where one target has one scene)."""
        rng = default_rng((seed, epoch, index, 1))
        utterance, target = self._target(corpus, rng, seed, epoch, index)
        scene_id = f"{seed}-{epoch}-{index}"
        length = round(self.enrollment * SAMPLE_RATE)
        gain_db = rng.uniform(*self.gain_db)
        if not self.speakers:
            enrollments = self._of_one(corpus, rng, utterance, target, length)
            return Scene(scene_id, enrollments, length, (), 0, None, None, gain_db)
        chunk = round(self.chunk * SAMPLE_RATE)
        voices = [target, *self._others(corpus, rng, target, self.speakers - 1)]
        utterances = [utterance] + [int(rng.choice(corpus.of_speaker[v[0]])) for v in voices[1:]]
        halves = [self._half(corpus, rng, speaker) for speaker, _ in voices]
        if self.delay is None:
            sources = tuple(
                self._source(corpus, rng, utterances[i], voice, chunk, i == 0, halves[i])
                for i, voice in enumerate(voices)
            )
        else:
            follow = self._in_turn if self.turns == 1 else self._conversation
            sources = follow(corpus, rng, utterances, voices)
            chunk = max(source.offset + source.segment.length for source in sources)
        rest = [_other_half(half) for half in halves]
        spoken = [
            [s.segment.utterance for s in sources[k :: len(voices)]] for k in range(len(voices))
        ]
        enrolled = [(voices[k], spoken[k], k, rest[k]) for k in range(self.enrollments)]
        if rng.random() < self.absent_probability:
            absent = self._others(corpus, rng, target, 1, besides=voices)[0]
            enrolled[0] = (absent, [], ABSENT, WHOLE)
        enrollments = tuple(
            self._enrollment(
                corpus,
                rng,
                self._segment(
                    corpus,
                    rng,
                    another_utterance(corpus, rng, voice[0], taken),
                    voice,
                    length,
                    share,
                ),
                source,
            )
            for voice, taken, source, share in enrolled
        )
        return Scene(
            scene_id,
            enrollments,
            length,
            sources,
            chunk,
            self._noise(corpus, rng, self.noise_probability, voices, chunk),
            self._room(rng, self.room_probability, len(voices)),
            gain_db,
        )

    def _target(
        self, corpus: Corpus, rng: Generator, seed: int, epoch: int, index: int
    ) -> tuple[int, tuple[int, int]]:
        """The target of a scene: an utterance, a speaker and the index of a speed."""
        row = index % self.utterances_per_speaker
        leader = int(visiting_order(corpus, self.similar, seed, epoch)[index - row])
        if self.utterances_per_speaker == 1:
            return leader, self._voice(corpus, rng, corpus.speaker_of[leader])
        together = default_rng((seed, epoch, index - row, 3))
        voice = self._voice(corpus, together, corpus.speaker_of[leader])
        own = corpus.of_speaker[voice[0]]
        others = together.permutation(own[own != leader])
        return (leader if row == 0 else int(others[(row - 1) % len(others)])), voice

    def _of_one(
        self,
        corpus: Corpus,
        rng: Generator,
        utterance: int,
        voice: tuple[int, int],
        length: Samples,
    ) -> tuple[EnrollmentPlan, ...]:
        """The enrolments of a scene without a mixture."""
        segments = self._segments(corpus, rng, utterance, voice, length, self.segments)
        plans = [self._enrollment(corpus, rng, segment, ABSENT) for segment in segments]
        if self.repeat_augmentation:
            plans[-1] = replace(plans[0], segment=segments[-1])
        return tuple(plans)

    def _source(
        self,
        corpus: Corpus,
        rng: Generator,
        utterance: int,
        voice: tuple[int, int],
        chunk: Samples,
        is_target: bool,
        share: tuple[float, float],
    ) -> Source:
        room = chunk if is_target else max(1, round(chunk * rng.uniform(*self.overlap)))
        segment = self._segment(corpus, rng, utterance, voice, room, share)
        offset = int(rng.integers(room - segment.length + 1))
        # Anywhere in the chunk: an interferer that always ended it could be told by its position.
        offset += int(rng.integers(chunk - room + 1))
        snr_db = 0.0 if is_target else float(rng.uniform(*self.snr_db))
        return Source(segment, offset, snr_db, self._channel(rng))

    def _half(self, corpus: Corpus, rng: Generator, speaker: int) -> tuple[float, float]:
        """The share of an utterance that a speaker's talk is taken from; half of it where there is
        no other one to enrol with."""
        if not self.rest_enrols or len(corpus.of_speaker[speaker]) > 1:
            return WHOLE
        return HALVES[int(rng.integers(2))]


def another_utterance(corpus: Corpus, rng: Generator, speaker: int, taken: list[int]) -> int:
    """An utterance of `speaker` other than those `taken`; the first of these where there is no
    other."""
    choices = corpus.of_speaker[speaker]
    others = choices[~np.isin(choices, taken)]
    return int(rng.choice(others)) if len(others) else taken[0]


def _other_half(half: tuple[float, float]) -> tuple[float, float]:
    return WHOLE if half == WHOLE else HALVES[1 - HALVES.index(half)]
