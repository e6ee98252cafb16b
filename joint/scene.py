"""Scene and SceneBatch: the one kind of example that every task reads.

A `Scene` is a plan, f(seed, epoch, index): the speakers, their recordings and levels, noise and
room. It holds no audio. `joint.data.scenes.rendering` turns a plan into waveforms and `SceneBatch`
is what a task reads. Fixed meanings:

- the reference of a source is its direct path with the first 50 ms of the room (dry without one);
- the SNR of a source is the target's power over that source's, both rendered, over the chunk;
- an enrolment shares its speaker's speed factor: a perturbed speaker is a new speaker.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from joint.units import Decibels, Samples

ABSENT = -1
"""`enrollment_source` of a person who does not speak in the mixture."""


ACTIVITY_HOP: Samples = 160
"""Samples between two frames of `activity`, 10 ms; frame f has the Samples from f·hop on."""


@dataclass(frozen=True)
class Segment:
    """A stretch of one recording: `utterance` is its index in the corpus; `start` and `length`
    are Samples after the speed change; `speaker` counts perturbed speakers as new ones."""

    utterance: int
    speaker: int
    speed: float
    start: Samples
    length: Samples


@dataclass(frozen=True)
class Source:
    """One speaker of a mixture: the segment begins at `offset` in the chunk.

    `snr_db` is the target's level over this source's; the target's own is 0. `channel` is the seed
    of a simulated microphone, None for none; it is applied to the reference too.
    """

    segment: Segment
    offset: Samples
    snr_db: Decibels
    channel: int | None = None


class Stretch(NamedTuple):
    """A stretch of a recorded noise: its index among them, and the Samples where it begins."""

    file: int
    start: Samples


@dataclass(frozen=True)
class Noise:
    """Additive noise `snr_db` below the speech: the sum of `segments` (babble), that of the
    `recorded` stretches, or a spectrum that falls by `slope_db_per_octave`."""

    seed: int
    snr_db: Decibels
    segments: tuple[Segment, ...]
    slope_db_per_octave: Decibels
    recorded: tuple[Stretch, ...] = ()


@dataclass(frozen=True)
class Room:
    """A room: the recorded `responses`, one for each speaker, by their indices; where there are
    none a simulated one, for each speaker a response that is drawn from `seed`."""

    seed: int
    reverberation_seconds: float
    responses: tuple[int, ...] = ()


@dataclass(frozen=True)
class EnrollmentPlan:
    """A recording of one person alone. `source` is that person's index among the mixture's sources,
    `ABSENT` where the person is silent there. `distortions` are what happens to it last: names of
    those that the planner has, each with its seed."""

    segment: Segment
    source: int
    noise: Noise | None
    room: Room | None
    channel: int | None = None
    distortions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Scene:
    """A plan of one example; see the module. `length` is the chunk of the mixture in Samples (0
    where there is no mixture), `gain_db` scales the mixture and its references together."""

    scene_id: str
    enrollments: tuple[EnrollmentPlan, ...]
    enrollment_length: Samples
    sources: tuple[Source, ...]
    length: Samples
    noise: Noise | None
    room: Room | None
    gain_db: Decibels


@dataclass(frozen=True)
class SceneBatch:
    """Rendered scenes as tensors; a field that no task of the stream reads is None.

    | field | shape | meaning |
    |---|---|---|
    | enrollment | (B, K, S) float32 | recordings of one person alone |
    | enrollment_lengths | (B, K) int64 | Samples |
    | enrollment_source | (B, K) int64 | index of the speaker among the sources, −1 = absent |
    | speaker | (B, K) int64 | class of the enrolled speaker |
    | utterance | (B, K) int64 | index in the corpus of the enrolment's utterance |
    | speed | (B, K) float32 | speed factor of the enrolment, 1 as recorded |
    | phrase | (B, K) int64 | class of the text of the enrolment's utterance |
    | enrollment_texts | B × K strings | words of the utterance that each enrolment is a part of |
    | enrollment_phones | (B, K, P) int64 | phones within the enrolment, −1 unknown and padding |
    | enrollment_phone_ends | (B, K, P) int64 | Samples where each ends; the first begins at 0 |
    | pronunciation | (B, K, P) int64 | phones of the whole utterance, −1 padding |
    | pronunciation_samples | (B, K) int64 | Samples of the utterance; 0 if cut or unknown |
    | mixture | (B, S) float32 | the mixture of all sources and noise |
    | mixture_lengths | (B,) int64 | Samples |
    | sources | (B, N, S) float32 | references, see the module |
    | source_lengths | (B, N) int64 | Samples of speech of each source |
    | source_speakers | (B, N) int64 | class of each source's speaker |
    | start_samples | (B, N) int64 | where each source begins in the mixture |
    | activity | (B, N, F) bool | whether each source speaks, every `ACTIVITY_HOP` Samples |
    | texts | B × N strings | words of each source; None unless all are whole utterances |
    | source_phones | (B, N, P) int64 | phones of each source, without silence, −1 padding |
    | source_phone_starts | (B, N, P) int64 | Samples of the mixture where each begins, −1 unknown |
    | source_phone_ends | (B, N, P) int64 | Samples of the mixture where each ends, −1 unknown |
    | source_phones_known | (B, N) bool | False where a source's phones are not known |
    | augmentation | (B, K) int64 | of each enrolment: 1 noise + 2 room + 4 channel |
    | scene_ids | B strings | |
    """

    scene_ids: list[str]
    enrollment: Tensor | None = None
    enrollment_lengths: Tensor | None = None
    enrollment_source: Tensor | None = None
    speaker: Tensor | None = None
    utterance: Tensor | None = None
    speed: Tensor | None = None
    phrase: Tensor | None = None
    enrollment_texts: list[list[str]] | None = None
    enrollment_phones: Tensor | None = None
    enrollment_phone_ends: Tensor | None = None
    pronunciation: Tensor | None = None
    pronunciation_samples: Tensor | None = None
    mixture: Tensor | None = None
    mixture_lengths: Tensor | None = None
    sources: Tensor | None = None
    source_lengths: Tensor | None = None
    source_speakers: Tensor | None = None
    start_samples: Tensor | None = None
    activity: Tensor | None = None
    texts: list[list[str]] | None = None
    source_phones: Tensor | None = None
    source_phone_starts: Tensor | None = None
    source_phone_ends: Tensor | None = None
    source_phones_known: Tensor | None = None
    augmentation: Tensor | None = None

    def __len__(self) -> int:
        return len(self.scene_ids)

    def present(self) -> frozenset[str]:
        """Names of the fields that this batch has."""
        return frozenset(f.name for f in fields(self) if getattr(self, f.name) is not None)

    def to(self, device: torch.device | str) -> "SceneBatch":
        """The same batch with its tensors on `device`."""
        moved: dict[str, Any] = {
            f.name: value.to(device, non_blocking=True)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        return replace(self, **moved)


FIELDS = frozenset(f.name for f in fields(SceneBatch)) - {"scene_ids"}
"""Names of what can be rendered."""
