"""Typed configuration: a recipe's YAML, checked before anything is built."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from joint.data.scenes.planning import ScenePlanner
from joint.errors import ConfigError
from joint.training.config.augmentation import AugmentationConfig, check_augmentation
from joint.training.config.corpora import check_corpora
from joint.training.config.reading import typed_recipe
from joint.training.config.values import check_values

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
"""The clocks that may count a training's minutes."""


@dataclass
class DataConfig:
    """Folders that `joint prepare` or `joint shard` wrote, or URLs of sharded ones, whose shards
    are kept in `shards`. `cache` holds the packed waveforms; without it every read decodes a file.

    `train` and `validation` are one corpus, a list of several, or several with names and weights:

        train: data/librispeech/train
        train: [data/librispeech/train, data/speechocean762/train]
        train:
          librispeech: {path: data/librispeech/train}
          speechocean762: {path: data/speechocean762/train, weight: 2.0}

    A corpus of a list is called by the shortest end of its path that tells it from the others
    (`librispeech-train`). Utterances and speakers of several corpora are called CORPUS/NAME:
    speakers of different corpora are different classes.

    An epoch visits every utterance of a corpus `weight` times on average, so that of a corpus of n
    utterances it visits `weight · n`, at least one; a fraction of a corpus is another one in each
    epoch, until all of it has been visited. The default is 1. In validation a corpus has no weight:
    its figures are `TASK/CORPUS/FIGURE`, and `TASK/FIGURE` is their mean over the corpora.
    """

    train: Any = "???"
    validation: Any = None
    cache: str | None = None
    shards: str = "exp/shards"


@dataclass
class TaskConfig:
    """A `task` (with `_target_`), the weight of its loss, and what the loss updates of the encoder:
    nothing (`frozen`), an `adapter` of the task's own (with `_target_` and `_partial_`; low-rank of
    rank 8 where none is given), or all of it (`joint`)."""

    task: Any = field(default_factory=dict)
    weight: float = 1.0
    encoder: str = "joint"
    adapter: Any = None


@dataclass
class StreamConfig:
    """Scenes for some tasks: one batch at every `every`-th step. Where `data.train` has several
    corpora, the stream may name those `corpora` that its scenes are made of: targets, interferers
    and babble. Classes are always those of all corpora."""

    tasks: list[str] = field(default_factory=list)
    corpora: list[str] | None = None
    batch_size: int = 32
    every: int = 1
    scenes: ScenePlanner = field(default_factory=ScenePlanner)


@dataclass
class ValidationConfig:
    """Held-out scenes, the same each time: `batches` of `batch_size`, every `every_minutes`. Where
    `data.validation` has several corpora, there are so many scenes of each, and `corpora` names
    those of a task that is not validated on all of them."""

    every_minutes: float = 5.0
    tasks: list[str] = field(default_factory=list)
    corpora: dict[str, list[str]] = field(default_factory=dict)
    batch_size: int = 20
    batches: int = 6
    scenes: ScenePlanner = field(default_factory=lambda: ScenePlanner(speeds=(1.0,)))


@dataclass
class GroupConfig:
    """What differs in one part of the model: `lr_scale` multiplies the learning rate, `frozen`
    parts are in evaluation mode and are not updated. What is None is that of a shorter prefix.

    `layer_decay`, of a list of layers, multiplies the learning rate of each but the last by so much
    for every layer above it."""

    lr_scale: float | None = None
    layer_decay: float | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    frozen: bool | None = None


@dataclass
class OptimizerConfig:
    """`adamw` or `sgd`; a cosine from `lr` to `final_share · lr` after a linear warm-up.

    `clip_norm` bounds the norm of each group's gradient; `betas` are AdamW's. `groups` names parts
    of the model by dotted prefix, such as `encoder.pooling` or `tasks.extraction`; the longest
    prefix wins. There is always a group for the encoder and one for each task with its adapter.
    """

    kind: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    warmup_share: float = 0.05
    final_share: float = 0.01
    clip_norm: float = 5.0
    betas: tuple[float, float] = (0.9, 0.98)
    groups: dict[str, GroupConfig] = field(default_factory=dict)


@dataclass
class TrainerConfig:
    """Budget, precision and bookkeeping. Training ends at `max_steps` or `max_minutes`, whichever
    comes first; schedules follow the used share of the budget. The `clock` counts minutes of time
    (`wall`), or of processor time of this process (`processor`), by which trainings compare on a
    machine that others use too. Of the first `examples` held-out scenes TensorBoard gets sounds and
    spectrograms, ten times in a training, where a task of the validation has some to play.

    Checkpoints are written every `checkpoint_steps`; the last `average_last` of them, those from
    95 % of the budget on, are averaged in the end. Where the last one is `checkpoint_minutes` old,
    another is written that only serves to resume from.

    Several processes each hold the whole model (`ddp`), or a share of every weight, gradient and
    moment (`fsdp`): for encoders that are too large for one device."""

    max_steps: int | None = None
    max_minutes: float | None = None
    clock: str = "wall"
    precision: str = "auto"
    accelerator: str = "cpu"
    strategy: str = "ddp"
    accumulate: int = 1
    workers: int = 1
    checkpoint_steps: int = 1000
    checkpoint_minutes: float = 5.0
    average_last: int = 1
    log_every: int = 20
    max_bad_steps: int = 5
    examples: int = 2


@dataclass
class InitPartConfig:
    """Where a part's weights come from: from the `part` of a checkpoint, of the same architecture;
    the part of the same name where none is given."""

    checkpoint: str = "???"
    part: str | None = None


@dataclass
class RecipeConfig:
    """Everything one training needs. It is initialised from the checkpoints of `init`: the encoder
    and every task that one has under the same name, later ones over earlier ones; then its single
    parts from those of `init_parts`, by their dotted names. A checkpoint is given by its name
    (shipped, or on the hub), or by a path relative to the recipe's folder or the current one.
    `balance` (with `_target_`) weighs the losses that train the encoder; without one the tasks'
    weights are fixed."""

    seed: int = 1
    name: str = "joint"
    output: str = "???"
    init: list[str] = field(default_factory=list)
    init_parts: dict[str, InitPartConfig] = field(default_factory=dict)
    encoder: Any = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    balance: Any = None
    streams: dict[str, StreamConfig] = field(default_factory=dict)
    validation: ValidationConfig | None = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


def load_config(
    path: Path, overrides: Sequence[str] = (), packages: Sequence[str] = ()
) -> RecipeConfig:
    """Read a recipe and apply `key=value` overrides.

    Raises ConfigError for a missing or malformed file, an unknown key (with the nearest valid
    name), a wrong type, a stream that names an unknown task, a training without an end, a value
    out of its range, and a `_target_` that is no class of this project or of `packages`.
    """
    config = typed_recipe(path, RecipeConfig, overrides)
    try:
        check_values(plain(config), packages)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.where}", error.found, error.expected) from None
    _check(path, config)
    return config


def _check(path: Path, config: RecipeConfig) -> None:
    trainer, streams = config.trainer, config.streams
    if trainer.max_steps is None and trainer.max_minutes is None:
        raise ConfigError(f"{path}: trainer", "no end", "max_steps or max_minutes")
    choices = {
        "optimizer.kind": (config.optimizer.kind, ("adamw", "sgd")),
        "trainer.precision": (trainer.precision, ("auto", "bf16", "float32")),
        "trainer.clock": (trainer.clock, tuple(CLOCKS)),
        "trainer.strategy": (trainer.strategy, ("ddp", "fsdp")),
    }
    for where, (value, options) in choices.items():
        if value not in options:
            raise ConfigError(f"{path}: {where}", value, " or ".join(options))
    if not any(stream.every == 1 for stream in streams.values()):
        raise ConfigError(f"{path}: streams", "none at every step", "at least one")
    named = {f"streams.{n}.tasks": s.tasks for n, s in streams.items()}
    if config.validation is not None:
        named["validation.tasks"] = config.validation.tasks
        if config.data.validation is None:
            raise ConfigError(f"{path}: data.validation", "none", "a folder to validate on")
    for where, tasks in named.items():
        for task in tasks:
            if task not in config.tasks:
                raise ConfigError(f"{path}: {where}", task, " or ".join(config.tasks))
    _check_corpora(path, config)
    used = {task for stream in streams.values() for task in stream.tasks}
    for name, trained in config.tasks.items():
        if name not in used and trained.weight:
            raise ConfigError(
                f"{path}: tasks.{name}", "no stream that it reads", "one, or weight 0"
            )


def _check_corpora(path: Path, config: RecipeConfig) -> None:
    """Hold the corpora of `data`, and the names of corpora elsewhere, to what there is."""
    chosen = {
        f"streams.{n}.corpora": s.corpora
        for n, s in config.streams.items()
        if s.corpora is not None
    }
    check_corpora(path, "data.train", config.data.train, chosen)
    if config.data.validation is not None:
        held_out = config.validation or ValidationConfig()
        for task in held_out.corpora:
            if task not in held_out.tasks:
                expected = " or ".join(held_out.tasks) or "no task: none is validated"
                raise ConfigError(f"{path}: validation.corpora", task, expected)
        chosen = {f"validation.corpora.{task}": c for task, c in held_out.corpora.items()}
        check_corpora(path, "data.validation", config.data.validation, chosen, weighted=False)
    scenes = {f"streams.{name}.scenes": stream.scenes for name, stream in config.streams.items()}
    if config.validation is not None:
        scenes["validation.scenes"] = config.validation.scenes
    check_augmentation(path, config.augmentation, config.data.cache, scenes)


def resolved(config: RecipeConfig) -> str:
    """The whole configuration as YAML; a recipe again, without blocks."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def plain(config: RecipeConfig) -> dict[str, Any]:
    """The configuration as JSON-able values."""
    return {part.name: _plain(getattr(config, part.name)) for part in fields(config)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {part.name: _plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
