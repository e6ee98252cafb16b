"""Simulated conversations of held-out speakers, and what is found in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from joint.conversation.turns import Turn
from joint.data.corpus import Corpus
from joint.data.scenes.activity import stretches
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import FileStore
from joint.metrics.activity import Errors
from joint.scene import ACTIVITY_HOP
from tasks.activity.targets import spoken
from tasks.activity.task import ActivityTask

TURNS = 3
"""Of each person."""
DELAY = (0.2, 1.2)
"""When the next turn begins, in shares of the one before it: overlaps and pauses."""


@dataclass(frozen=True)
class Conversation:
    """A mixture `waveform (S,)`, a recording of each of K people, and when each speaks, `active (K,
    A)` bool, every `ACTIVITY_HOP` Samples."""

    name: str
    waveform: np.ndarray
    enrolled: list[np.ndarray]
    active: np.ndarray

    @property
    def names(self) -> list[str]:
        """Of the people, in order."""
        return [f"person{k + 1}" for k in range(len(self.enrolled))]

    @property
    def turns(self) -> list[Turn]:
        """When who speaks."""
        return turns_of_frames(self.active, self.names, len(self.waveform))

    @property
    def overlap(self) -> tuple[int, int]:
        """Frames in which several speak, and in which anybody does."""
        count = self.active.sum(axis=0)
        return int((count > 1).sum()), int((count > 0).sum())


def conversations(corpus: Corpus, speakers: int, count: int, seed: int) -> Iterator[Conversation]:
    """`count` conversations of so many `speakers` of a corpus, as recorded; the same for the same
    seed. Raises ConfigError where the corpus has too few speakers or utterances."""
    planner = ScenePlanner(
        speakers=speakers, enrollments=speakers, delay=DELAY, turns=TURNS, speeds=(1.0,)
    )
    planner.check(corpus)
    fields = ActivityTask.requires
    renderer = Renderer(corpus, FileStore(corpus), fields)
    for number in range(count):
        epoch, index = divmod(number, planner.epoch_length(corpus))
        batch = renderer.batch([planner.plan(corpus, seed, epoch, index)])
        assert batch.mixture is not None and batch.enrollment is not None
        active = spoken(batch)[0].numpy()
        enrolled = [recording.numpy() for recording in batch.enrollment[0]]
        yield Conversation(f"conversation{number:03d}", batch.mixture[0].numpy(), enrolled, active)


def turns_of_frames(active: np.ndarray, names: Sequence[str], samples: int) -> list[Turn]:
    """Turns of `active (K, A)` in a recording of `samples`."""
    return [
        Turn(name, int(start) * ACTIVITY_HOP, min(int(end) * ACTIVITY_HOP, samples))
        for name, own in zip(names, active, strict=True)
        for start, end in stretches(own)
    ]


def matched(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rows of `found (n, A)` in the order of the people in `known (K, A)` with whom they have most
    frames in common; for a person without one, silence."""
    shared = known.astype(np.int64) @ found.astype(np.int64).T
    people, rows = linear_sum_assignment(-shared)
    out = np.zeros_like(known)
    out[people] = found[rows]
    return out


def add_errors(errors: Errors, found: np.ndarray, known: np.ndarray) -> None:
    """Count those of one conversation; both `(K, A)`."""
    everywhere = torch.ones(1, known.shape[1], dtype=torch.bool)
    errors.add(torch.from_numpy(found)[None], torch.from_numpy(known)[None], everywhere)
