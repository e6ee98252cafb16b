"""SceneStream: an endless, resumable sequence of batches of scenes."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import torch
from numpy.random import default_rng
from torch.utils.data import DataLoader, Dataset, Sampler

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer, UnreadableError
from joint.data.storage.store import WaveformStore
from joint.errors import ConfigError, DataError, JointError
from joint.scene import FIELDS, Scene, SceneBatch

TOLERATED, SHARE = 3, 5
"""Recordings that may be unreadable in any corpus; of a large one a fifth may."""
TRIES = 1000
"""Other scenes that are looked at for one with an unreadable recording."""

logger = logging.getLogger(__name__)


class SceneStream(Dataset[SceneBatch]):
    """Batch `n` holds scenes `n·batch_size …`, whoever renders it: `self[n]` is a function of the
    seed alone.

    A scene with a recording that cannot be read is replaced by another one, the same one in every
    process; the recordings are logged once each and listed in `skipped`, reasons by ids.

    Args:
        batch_size: Scenes of all ranks together; each renders its share.
        fields: Those of SceneBatch that are rendered: what the tasks of the stream read.

    Raises ConfigError where the ranks cannot share a batch and where the corpus does not do for the
    planner.
    """

    def __init__(
        self,
        corpus: Corpus,
        store: WaveformStore,
        planner: ScenePlanner,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        fields: Collection[str] = FIELDS,
    ) -> None:
        if batch_size % world:
            raise ConfigError("batch_size", str(batch_size), f"a multiple of {world} processes")
        planner.check(corpus)
        self.corpus, self.planner, self.seed = corpus, planner, seed
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self.renderer = Renderer(corpus, store, fields, planner.surroundings, planner.distortions)
        self.skipped: dict[str, str] = {}
        self._unreadable: set[int] = set()
        for index in corpus.scene_utterances.tolist():
            utterance = corpus.utterances[index]
            if not utterance.samples:
                self._leave_out(index, f"{utterance.path}: its header cannot be read")
                self.skipped[utterance.id] = "its header cannot be read"

    def scene(self, number: int) -> Scene:
        """The plan of the `number`-th scene since the beginning."""
        epoch, index = divmod(number, self.planner.epoch_length(self.corpus))
        return self.planner.plan(self.corpus, self.seed, epoch, index)

    def plans(self, step: int) -> list[Scene]:
        """The plans of this rank's share of batch `step`."""
        share = self.batch_size // self.world
        first = step * self.batch_size + self.rank * share
        return [self._readable(n) for n in range(first, first + share)]

    def __getitem__(self, step: int) -> SceneBatch:
        batch, skipped = self.rendered(step)
        self.report(skipped)
        return batch

    def rendered(self, step: int) -> tuple[SceneBatch, dict[str, str]]:
        """Batch `step`, and the recordings that turned out to be unreadable, with the reasons.

        Raises DataError where there are too many of these.
        """
        found: dict[str, str] = {}
        while True:
            try:
                return self.renderer.batch(self.plans(step)), found
            except UnreadableError as bad:
                found[self.corpus.utterances[bad.utterance].id] = str(bad.error)
                self._leave_out(bad.utterance, str(bad.error))

    def report(self, skipped: dict[str, str]) -> None:
        """Log and list recordings that were not known to be unreadable."""
        for name, reason in skipped.items():
            if name not in self.skipped:
                self.skipped[name] = reason
                logger.warning("skipped %s (%d so far): %s", name, len(self.skipped), reason)

    def batches(self, start: int, workers: int) -> Iterator[SceneBatch]:
        """Batches from `start` on, rendered by `workers` processes (0: in this one).

        Raises DataError for a corpus that cannot be read.
        """
        loader: DataLoader[_Rendered | JointError] = DataLoader(
            _ErrorsAsItems(self),
            sampler=CountFrom(start),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            persistent_workers=False,
            generator=torch.Generator(),  # its own: the global one belongs to the training's steps
        )
        for item in loader:
            if isinstance(item, JointError):
                raise item
            self.report(item.skipped)
            yield item.batch

    def _leave_out(self, utterance: int, reason: str) -> None:
        """Remember that a recording cannot be read. Raises DataError where too many cannot."""
        self._unreadable.add(utterance)
        count, bad = len(self.corpus.scene_utterances), len(self._unreadable)
        if bad > max(TOLERATED, count // SHARE):
            found = f"{bad} of {count} recordings that cannot be read ({reason})"
            raise DataError(self.corpus.where, found, "fewer: 'joint prepare' leaves them out")

    def _readable(self, number: int) -> Scene:
        """The plan of a scene, or, where one of its row has an unreadable recording, of the scene
        in its place in another row of the epoch."""
        if not self._unreadable:
            return self.scene(number)
        size = self.planner.utterances_per_speaker
        rows = self.planner.epoch_length(self.corpus) // size
        epoch, row = divmod(number // size, rows)
        generator = default_rng((self.seed, epoch, row, 5))
        for _ in range(TRIES):
            first = (epoch * rows + row) * size
            plans = [self.scene(n) for n in range(first, first + size)]
            read = {s.utterance for plan in plans for s in self.renderer.segments(plan)}
            if not read & self._unreadable:
                return plans[number % size]
            row = int(generator.integers(rows))
        found = f"no scene without one of {len(self._unreadable)} unreadable recordings"
        raise DataError(self.corpus.where, found, "fewer: 'joint prepare' leaves them out")


@dataclass(frozen=True)
class _Rendered:
    """What a worker hands over; see `SceneStream.rendered`."""

    batch: SceneBatch
    skipped: dict[str, str]


class _ErrorsAsItems(Dataset[_Rendered | JointError]):
    """A stream that returns what it should raise: torch turns an error that leaves a worker into a
    RuntimeError of many lines."""

    def __init__(self, stream: SceneStream) -> None:
        self.stream = stream

    def __getitem__(self, step: int) -> _Rendered | JointError:
        try:
            return _Rendered(*self.stream.rendered(step))
        except JointError as error:
            return error


class CountFrom(Sampler[int]):
    """start, start + 1, … without end."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[int]:
        step = self.start
        while True:
            yield step
            step += 1
