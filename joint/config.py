"""Typed configuration: a recipe's YAML, checked before anything is built."""

import inspect
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_origin

from hydra.errors import HydraException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from joint.data.planning import ScenePlanner
from joint.errors import ConfigError

OWN_PACKAGES = ("joint", "tasks")


@dataclass
class DataConfig:
    """Folders that `joint prepare` wrote. `cache` holds the packed waveforms; without it every
    read decodes a file."""

    train: str = "???"
    validation: str | None = None
    cache: str | None = None


@dataclass
class TaskConfig:
    """A head (`task`, with `_target_`), its weight and what its gradient does to the encoder."""

    task: Any = field(default_factory=dict)
    weight: float = 1.0
    encoder: str = "joint"


@dataclass
class StreamConfig:
    """Scenes for some tasks: one batch at every `every`-th step."""

    tasks: list[str] = field(default_factory=list)
    batch_size: int = 32
    every: int = 1
    scenes: ScenePlanner = field(default_factory=ScenePlanner)


@dataclass
class ValidationConfig:
    """Held-out scenes, the same each time: `batches` of `batch_size`, every `every_minutes`."""

    every_minutes: float = 5.0
    tasks: list[str] = field(default_factory=list)
    batch_size: int = 20
    batches: int = 6
    scenes: ScenePlanner = field(default_factory=lambda: ScenePlanner(speeds=(1.0,)))


@dataclass
class OptimizerConfig:
    """`adamw` or `sgd`; a cosine from `lr` to `final_share · lr` after a linear warm-up.

    `lr_scale` multiplies the rate of a group: `encoder`, or a task's name.
    """

    kind: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-4
    warmup_share: float = 0.05
    final_share: float = 0.01
    clip_norm: float = 5.0
    lr_scale: dict[str, float] = field(default_factory=dict)


@dataclass
class TrainerConfig:
    """Budget, precision and bookkeeping. Training ends at `max_steps` or `max_minutes`, whichever
    comes first; schedules follow the share of the budget that is used."""

    max_steps: int | None = None
    max_minutes: float | None = None
    precision: str = "auto"
    accelerator: str = "cpu"
    accumulate: int = 1
    workers: int = 1
    checkpoint_steps: int = 1000
    average_last: int = 1
    log_every: int = 20
    max_bad_steps: int = 5


@dataclass
class RecipeConfig:
    """Everything one training needs; `init` is a checkpoint whose weights it starts from."""

    seed: int = 1
    name: str = "joint"
    output: str = "???"
    init: str | None = None
    encoder: Any = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    tasks: dict[str, TaskConfig] = field(default_factory=dict)
    streams: dict[str, StreamConfig] = field(default_factory=dict)
    validation: ValidationConfig | None = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


def load_config(path: Path, overrides: Sequence[str] = ()) -> RecipeConfig:
    """Read a recipe and apply `key=value` overrides.

    Raises ConfigError for a missing or malformed file, an unknown key (with the nearest valid
    name), a wrong type, a stream that names an unknown task, a training without an end.
    """
    if not path.is_file():
        raise ConfigError(path, "no file", "a recipe in YAML")
    for override in overrides:
        if "=" not in override:
            raise ConfigError(override, "no '='", "key=value")
    try:
        given = OmegaConf.merge(OmegaConf.load(path), OmegaConf.from_dotlist(list(overrides)))
        if not isinstance(given, DictConfig):
            raise ConfigError(path, "a list", "keys and values")
        merged = OmegaConf.merge(OmegaConf.structured(RecipeConfig), given)
        OmegaConf.resolve(merged)
        config: RecipeConfig = OmegaConf.to_object(merged)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise _explained(path, error) from None
    except (OSError, ValueError) as error:
        raise ConfigError(path, str(error), "a recipe in YAML") from None
    except Exception as error:  # yaml's errors share no public base with the above
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(path, f"{type(error).__name__}: {error}", "a recipe in YAML") from None
    _check(path, config)
    return config


def _explained(path: Path, error: OmegaConfBaseException) -> ConfigError:
    """OmegaConf's complaint in one line, with the nearest valid key."""
    key = error.full_key or error.key or ""
    found = str(error).splitlines()[0]
    parent = error.object_type
    names = list(getattr(parent, "__dataclass_fields__", {}))
    if "not in" in found and names:
        near = get_close_matches(str(key).split(".")[-1], names, 1, 0.0)
        return ConfigError(f"{path}: {key}", "an unknown key", f"{near[0]!r}, perhaps")
    return ConfigError(f"{path}: {key}", found, "a value of the right type")


def _check(path: Path, config: RecipeConfig) -> None:
    trainer = config.trainer
    if trainer.max_steps is None and trainer.max_minutes is None:
        raise ConfigError(f"{path}: trainer", "no end", "max_steps or max_minutes")
    if config.optimizer.kind not in ("adamw", "sgd"):
        raise ConfigError(f"{path}: optimizer.kind", config.optimizer.kind, "adamw or sgd")
    if trainer.precision not in ("auto", "bf16", "float32"):
        raise ConfigError(f"{path}: trainer.precision", trainer.precision, "auto, bf16 or float32")
    if not config.streams:
        raise ConfigError(f"{path}: streams", "none", "at least one")
    groups = ["encoder", *config.tasks]
    for group in config.optimizer.lr_scale:
        if group not in groups:
            raise ConfigError(f"{path}: optimizer.lr_scale", group, " or ".join(groups))
    named = {f"streams.{n}.tasks": s.tasks for n, s in config.streams.items()}
    if config.validation is not None:
        named["validation.tasks"] = config.validation.tasks
        if config.data.validation is None:
            raise ConfigError(f"{path}: data.validation", "none", "a folder to validate on")
    for where, tasks in named.items():
        for task in tasks:
            if task not in config.tasks:
                raise ConfigError(f"{path}: {where}", task, " or ".join(config.tasks))
    used = {task for stream in config.streams.values() for task in stream.tasks}
    for task in config.tasks:
        if task not in used:
            raise ConfigError(f"{path}: tasks.{task}", "no stream that feeds it", "one")


def build(node: Any, where: str, packages: Sequence[str] = (), **supplied: Any) -> Any:
    """The object that a node with `_target_` names; `supplied` fills constructor arguments that the
    node leaves out and the constructor asks for.

    Raises ConfigError for a class outside the allowed packages, an unknown or missing argument, a
    value of the wrong type.
    """
    if not (isinstance(node, dict) and "_target_" in node):
        raise ConfigError(where, repr(node), "a mapping with _target_")
    node = _checked(node, where, (*OWN_PACKAGES, *packages))
    wanted = inspect.signature(get_object(node["_target_"])).parameters
    extra = {k: v for k, v in supplied.items() if k in wanted and k not in node}
    try:
        return instantiate(node, **extra)
    except (HydraException, TypeError, ValueError) as error:
        cause = error.__cause__
        if isinstance(cause, ConfigError):
            raise cause from None
        raise ConfigError(
            where, str(cause or error).splitlines()[0], "arguments that fit"
        ) from None


def _checked(node: dict[str, Any], where: str, allowed: Sequence[str]) -> dict[str, Any]:
    target = str(node["_target_"])
    if target.split(".")[0] not in allowed:
        raise ConfigError(
            f"{where}._target_", target, f"a class of {', '.join(allowed)} (or --allow-package)"
        )
    try:
        parameters = inspect.signature(get_object(target)).parameters
    except Exception:
        raise ConfigError(f"{where}._target_", target, "a class that can be imported") from None
    checked: dict[str, Any] = {}
    for key, value in node.items():
        checked[key] = value
        if key in ("_target_", "_partial_"):
            continue
        if key not in parameters:
            near = get_close_matches(key, parameters, 1, 0.0)
            hint = f"{near[0]!r}, perhaps" if near else "no argument"
            raise ConfigError(f"{where}.{key}", "an unknown key", hint)
        if isinstance(value, dict) and "_target_" in value:
            checked[key] = _checked(value, f"{where}.{key}", allowed)
        else:
            _check_type(value, parameters[key].annotation, f"{where}.{key}")
    return checked


def _check_type(value: Any, annotation: Any, where: str) -> None:
    """Scalars and literals are held to their annotation; other values are the constructor's."""
    origin, options = get_origin(annotation), get_args(annotation)
    if origin is not None and all(isinstance(o, str) for o in options):
        if value not in options:
            raise ConfigError(where, repr(value), " or ".join(options))
        return
    expected = {int: (int,), float: (int, float), bool: (bool,), str: (str,)}.get(annotation)
    if expected is None:
        return
    if not isinstance(value, expected) or (isinstance(value, bool) and annotation is not bool):
        raise ConfigError(where, repr(value), annotation.__name__)


def plain(config: RecipeConfig) -> dict[str, Any]:
    """The configuration as JSON-able values."""
    container = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(container, dict) and not isinstance(container, (DictConfig, ListConfig))
    return {str(k): v for k, v in container.items()}


def resolved(path: str, beside: Path) -> Path:
    """`path` with `~` and variables expanded; a relative one is relative to the working folder."""
    expanded = Path(os.path.expandvars(path)).expanduser()
    return expanded if expanded.exists() or expanded.is_absolute() else beside / expanded
