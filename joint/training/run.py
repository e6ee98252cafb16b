"""Train what a recipe describes: from its YAML to `model.safetensors`."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from joint.data.corpus import Corpus
from joint.data.prepare.manifests import SKIPPED
from joint.data.recorded.surroundings import Surroundings
from joint.data.scenes.stream import SceneStream
from joint.encoders.frontends.filterbank import Frontend
from joint.errors import ConfigError
from joint.files import atomic_write
from joint.model import JointModel
from joint.seeding import seed_for
from joint.training.building.initialisation import (
    Find,
    initialise,
    kept_of_embeddings,
    located,
)
from joint.training.building.model import Classes, build_model
from joint.training.building.scenes import with_distortions
from joint.training.config.schema import RecipeConfig, load_config, plain
from joint.training.corpora import described, of_task, open_corpora, open_store, read_by
from joint.training.distributed.fabric import Fabric
from joint.training.distributed.launching import launched
from joint.training.memory import keep_freed_memory
from joint.training.precision import check_precision
from joint.training.surroundings import open_surroundings
from joint.training.trainer import StreamSpec, Trainer
from joint.training.validation import fields_of, validation


def train(
    config_path: Path,
    overrides: Sequence[str] = (),
    resume: bool = False,
    allow_packages: Sequence[str] = (),
    find: Find | None = None,
) -> Path:
    """Train the recipe at `config_path` and return the path of its final checkpoint.

    `find` gives the files of checkpoints that the recipe names by name, not by path. Runs
    unchanged under `torchrun`. Raises ConfigError, DataError, CheckpointError, TrainingError.
    """
    config = load_config(Path(config_path), overrides, allow_packages)
    output = Path(config.output)
    if not resume and (output / "checkpoints").is_dir():
        raise ConfigError(output, "an earlier training", "another output, or --resume")
    keep_freed_memory()
    fabric = launched(config)
    corpus = open_corpora(config.data.train, "data.train", config.data.shards)
    for stream in config.streams.values():
        stream.scenes.check(
            read_by(corpus, stream.corpora)
        )  # before the waveforms are packed, which takes long
    surroundings = open_surroundings(config, fabric)
    classes = Classes(speaker_count(config, corpus), corpus.phones, tuple(corpus.phrases))
    model = build_model(
        config.encoder,
        plain(config)["tasks"],
        classes,
        config.seed,
        allow_packages,
        plain(config)["balance"],
    )
    check_precision(config.trainer.precision, fabric.device, model)
    folder = Path(config_path).parent
    for name in model.tasks:  # this too before the waveforms are packed
        model.task(name).locate(partial(located, folder=folder, find=find))
    initialise(model, config, folder, corpus.phones, find)
    kept = kept_of_embeddings(model, config, folder, find)
    validate = None
    if config.validation is not None:
        validate = validation(
            config, config.validation, model, fabric, surroundings, allow_packages
        )
    streams = open_streams(config, corpus, model, fabric, surroundings, allow_packages)
    trainer = Trainer(
        fabric,
        model,
        streams,
        config.optimizer,
        config.trainer,
        output,
        describe(config, corpus, classes, model) | kept,
        config.seed,
        validate,
        config.validation.every_minutes if config.validation else 0.0,
    )
    if resume:
        trainer.resume()
    for name in model.tasks:
        model.task(name).setup(of_task(config, corpus, name))
    checkpoint = trainer.fit()
    if fabric.is_global_zero:
        list_skipped(output, [stream for stream, _, _ in streams.values()], surroundings.skipped)
    return checkpoint


def list_skipped(
    output: Path, streams: Iterable[SceneStream], others: Mapping[str, str] | None = None
) -> None:
    """Write `skipped.tsv`, the recordings that could not be read and why, where there are any: of
    the streams, and `others`."""
    skipped: dict[str, str] = dict(others or {})
    for stream in streams:
        skipped |= stream.skipped
    if skipped:
        rows = "".join(f"{name}\t{reason}\n" for name, reason in sorted(skipped.items()))
        atomic_write(output / SKIPPED, f"utterance\treason\n{rows}")


def speaker_count(config: RecipeConfig, corpus: Corpus) -> int:
    """Speaker classes; the streams must agree on the speeds, since a speed makes a speaker."""
    counts = {n: s.scenes.speaker_count(corpus) for n, s in config.streams.items()}
    if len(set(counts.values())) > 1:
        raise ConfigError("streams", f"other speeds in {' and '.join(counts)}", "the same speeds")
    return next(iter(counts.values()))


def open_streams(
    config: RecipeConfig,
    corpus: Corpus,
    model: JointModel,
    fabric: Fabric,
    surroundings: Surroundings,
    packages: Sequence[str] = (),
) -> dict[str, StreamSpec]:
    """The recipe's streams, on one store that holds every speed they use; of each only the fields
    that its tasks read are rendered."""
    speeds = {speed for stream in config.streams.values() for speed in stream.scenes.speeds}
    store = open_store(config, corpus, sorted(speeds), fabric)
    return {
        name: (
            SceneStream(
                read_by(corpus, stream.corpora),
                store,
                with_distortions(stream.scenes, f"streams.{name}.scenes", packages).within(
                    surroundings
                ),
                stream.batch_size,
                seed_for(config.seed, "scenes", name),
                fabric.global_rank,
                fabric.world_size,
                fields_of(model, stream.tasks),
            ),
            stream.tasks,
            stream.every,
        )
        for name, stream in config.streams.items()
    }


def without_sources(node: Any, rebuilt: Iterator[dict[str, Any]]) -> None:
    """Give each front-end in a recipe's `node` that reads a source, in order, the arguments that
    build it without."""
    if not isinstance(node, dict):
        return
    if node.get("source") is not None and str(node.get("_target_")).endswith("Frontend"):
        node |= next(rebuilt, {})
        return
    for value in node.values():
        without_sources(value, rebuilt)


def describe(
    config: RecipeConfig, corpus: Corpus, classes: Classes, model: JointModel
) -> dict[str, Any]:
    """What a checkpoint says of itself; the texts only where a task has learnt to tell them apart,
    since there may be millions."""
    asked = any("phrase" in model.task(name).requires for name in model.tasks)
    settings = plain(config)
    parts = {"encoder": model.encoder, **model.tasks}
    for name, node in {"encoder": settings["encoder"], **settings["tasks"]}.items():
        read = (p for p in parts[name].modules() if isinstance(p, Frontend) and p.rebuilt_with)
        without_sources(node, iter([dict(part.rebuilt_with) for part in read]))
    return {
        "name": config.name,
        "config": settings,
        "speaker_count": classes.speaker_count,
        "phones": list(classes.phones),
        "phrases": list(classes.phrases) if asked else [],
        "data": {"train": settings["data"]["train"], **described(corpus)},
        "seed": config.seed,
        "date": time.strftime("%Y-%m-%d"),
        "torch": torch.__version__,
    }
