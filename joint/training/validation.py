"""Figures on held-out scenes, of each corpus that a recipe validates on."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from lightning.fabric import Fabric

from joint.data.joined import JoinedCorpus
from joint.data.recorded.surroundings import Surroundings
from joint.data.scenes.stream import SceneStream
from joint.model import JointModel
from joint.training.building.scenes import with_distortions
from joint.training.config.schema import RecipeConfig, ValidationConfig
from joint.training.corpora import open_corpora, open_store
from joint.training.precision import autocast_for

Figures = dict[str, float]


def validation(
    config: RecipeConfig,
    held_out: ValidationConfig,
    model: JointModel,
    fabric: Fabric,
    surroundings: Surroundings,
    packages: Sequence[str] = (),
) -> Callable[[], Figures]:
    """A function that computes the figures of `held_out.tasks` on its scenes: `TASK/FIGURE`, and,
    of several corpora, `TASK/CORPUS/FIGURE`, with their mean as `TASK/FIGURE`."""
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

    def on_corpus(task: str, stream: SceneStream) -> Figures:
        batches = (stream[n].to(fabric.device) for n in range(held_out.batches))
        return model.task(task).validate(model.view(task), batches)

    def validate() -> Figures:
        figures: Figures = {}
        with torch.no_grad(), autocast_for(config.trainer.precision, fabric.device):
            for task in held_out.tasks:
                chosen = held_out.corpora.get(task, streams)
                found = {name: on_corpus(task, streams[name]) for name in chosen}
                figures |= by_corpus(task, found)
        return figures

    return validate


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
