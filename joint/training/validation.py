"""Figures on held-out scenes, of each corpus that a recipe validates on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from joint.data.joined import JoinedCorpus
from joint.data.recorded.surroundings import Surroundings
from joint.data.scenes.stream import SceneStream
from joint.model import JointModel
from joint.training.building.scenes import with_distortions
from joint.training.config.schema import RecipeConfig, ValidationConfig
from joint.training.corpora import open_corpora, open_store
from joint.training.distributed.fabric import Fabric
from joint.training.precision import autocast_for

Figures = dict[str, float]


@dataclass(frozen=True)
class Validation:
    """Figures and examples of a `model` on the scenes of `held_out`, which `streams` give for each
    corpus."""

    held_out: ValidationConfig
    model: JointModel
    streams: Mapping[str, SceneStream]
    precision: str
    device: torch.device

    def __call__(self) -> Figures:
        """The figures: `TASK/FIGURE`, and, of several corpora, `TASK/CORPUS/FIGURE`, with their
        mean as `TASK/FIGURE`."""
        figures: Figures = {}
        with torch.no_grad(), autocast_for(self.precision, self.device):
            for task in self.held_out.tasks:
                chosen = self.held_out.corpora.get(task, self.streams)
                found = {name: self._on_corpus(task, self.streams[name]) for name in chosen}
                figures |= by_corpus(task, found)
        return figures

    def examples(self, count: int) -> dict[str, Tensor]:
        """Waveforms of the first `count` scenes of each task's first corpus: `TASK/PLACE/NAME`."""
        sounds: dict[str, Tensor] = {}
        with torch.no_grad(), autocast_for(self.precision, self.device):
            for name in self.held_out.tasks:
                corpus = next(iter(self.held_out.corpora.get(name, self.streams)))
                task, batch = self.model.task(name), self.streams[corpus][0].to(self.device)
                found = task.examples(self.model.view(name), batch, count)
                sounds |= {f"{name}/{key}": sound.float().cpu() for key, sound in found.items()}
        return sounds

    def _on_corpus(self, task: str, stream: SceneStream) -> Figures:
        batches = (stream[n].to(self.device) for n in range(self.held_out.batches))
        return self.model.task(task).validate(self.model.view(task), batches)


def validation(
    config: RecipeConfig,
    held_out: ValidationConfig,
    model: JointModel,
    fabric: Fabric,
    surroundings: Surroundings,
    packages: Sequence[str] = (),
) -> Validation:
    """The validation that a recipe asks for, of `held_out.tasks`. Raises ConfigError, DataError."""
    corpus = open_corpora(config.data.validation, "data.validation", config.data.shards)
    parts = {"": corpus}
    if isinstance(corpus, JoinedCorpus):
        parts = {part.name: corpus.only([part.name]) for part in corpus.parts}
    for part in parts.values():
        held_out.scenes.check(part)
    store = open_store(config, corpus, sorted(set(held_out.scenes.speeds)), fabric)
    fields = fields_of(model, held_out.tasks)
    planner = with_distortions(held_out.scenes, "validation.scenes", packages)
    planner = planner.within(surroundings)
    streams = {
        name: SceneStream(part, store, planner, held_out.batch_size, seed=0, fields=fields)
        for name, part in parts.items()
    }
    return Validation(held_out, model, streams, config.trainer.precision, fabric.device)


def by_corpus(task: str, found: Mapping[str, Figures]) -> Figures:
    """The figures of a task on each corpus as one table: their means, then, of more than one
    corpus, each one's."""
    keys = dict.fromkeys(key for figures in found.values() for key in figures)
    table = {}
    for key in keys:
        values = [figures[key] for figures in found.values() if key in figures]
        table[f"{task}/{key}"] = sum(values) / len(values)
    if len(found) > 1:
        for name, figures in found.items():
            table |= {f"{task}/{name}/{key}": value for key, value in figures.items()}
    return table


def fields_of(model: JointModel, tasks: Iterable[str]) -> frozenset[str]:
    """Names of the SceneBatch fields that any of `tasks` reads."""
    return frozenset[str]().union(*(model.task(name).fields for name in tasks))
