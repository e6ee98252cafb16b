"""SceneStream: an endless, resumable sequence of batches of scenes."""

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from joint.data.corpus import Corpus
from joint.data.scenes.planning import ScenePlanner
from joint.data.scenes.rendering import Renderer
from joint.data.storage.store import WaveformStore
from joint.errors import ConfigError, JointError
from joint.scene import Scene, SceneBatch


class SceneStream(Dataset[SceneBatch]):
    """Batch `n` holds scenes `n·batch_size …`, whoever renders it: `self[n]` is a function of the
    seed alone. `batch_size` counts scenes of all ranks; each renders its share."""

    def __init__(
        self,
        corpus: Corpus,
        store: WaveformStore,
        planner: ScenePlanner,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        if batch_size % world:
            raise ConfigError("batch_size", str(batch_size), f"a multiple of {world} processes")
        planner.check(corpus)
        self.corpus, self.planner, self.seed = corpus, planner, seed
        self.batch_size, self.rank, self.world = batch_size, rank, world
        self.renderer = Renderer(corpus, store)

    def scene(self, number: int) -> Scene:
        """The plan of the `number`-th scene since the beginning."""
        epoch, index = divmod(number, self.planner.epoch_length(self.corpus))
        return self.planner.plan(self.corpus, self.seed, epoch, index)

    def plans(self, step: int) -> list[Scene]:
        """The plans of this rank's share of batch `step`."""
        share = self.batch_size // self.world
        first = step * self.batch_size + self.rank * share
        return [self.scene(n) for n in range(first, first + share)]

    def __getitem__(self, step: int) -> SceneBatch:
        return self.renderer.batch(self.plans(step))

    def batches(self, start: int, workers: int) -> Iterator[SceneBatch]:
        """Batches from `start` on, rendered by `workers` processes (0: in this one).

        Raises AudioError or DataError for a recording that cannot be read.
        """
        loader: DataLoader[SceneBatch | JointError] = DataLoader(
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
            yield item


class _ErrorsAsItems(Dataset[SceneBatch | JointError]):
    """A stream that returns what it should raise: torch turns an error that leaves a worker into a
    RuntimeError of many lines."""

    def __init__(self, stream: SceneStream) -> None:
        self.stream = stream

    def __getitem__(self, step: int) -> SceneBatch | JointError:
        try:
            return self.stream[step]
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
