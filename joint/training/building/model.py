"""Models from configurations and from checkpoints."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from joint.adapters.low_rank import Adapter, LowRank
from joint.balancing.base import Balance
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.view import Switch
from joint.errors import CheckpointError, ConfigError
from joint.layers.modes import evaluating
from joint.model import JointModel
from joint.seeding import seeded
from joint.task import Task
from joint.training import checkpoint
from joint.training.building.objects import build
from joint.units import SAMPLE_RATE


@dataclass(frozen=True)
class Classes:
    """The classes of a corpus, for the tasks that need them: the number of speakers, each counted
    once a speed; the inventory of phones; the different texts."""

    speaker_count: int
    phones: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


def build_model(
    encoder: Any,
    tasks: dict[str, Any],
    classes: Classes,
    seed: int = 0,
    packages: Sequence[str] = (),
    balance: Any = None,
) -> JointModel:
    """The model that the `encoder`, `tasks` and, for a training, `balance` nodes of a recipe
    describe; each part's weights are drawn from a seed of its own. Raises ConfigError."""
    with seeded(seed, "init", "encoder"):
        shared = build(encoder, "encoder", packages)
    if not isinstance(shared, SpeakerEncoder):
        raise ConfigError("encoder._target_", type(shared).__name__, "a SpeakerEncoder")
    parts: dict[str, Task] = {}
    adapters: dict[str, Adapter] = {}
    for name, node in tasks.items():
        where = f"tasks.{name}.task"
        try:
            with seeded(seed, "init", name):
                part = build(
                    node["task"],
                    where,
                    packages,
                    embedding_dim=shared.embedding_dim,
                    frame_dim=shared.frame_dim,
                    layer_dim=layer_dims(shared),
                    encoder_copy=partial(deepcopy, shared),
                    **vars(classes),
                )
        except ConfigError as error:  # of a class within, which knows its argument alone
            if str(error.where).startswith("tasks."):
                raise
            raise ConfigError(f"{where}: {error.where}", error.found, error.expected) from None
        if not isinstance(part, Task):
            raise ConfigError(f"tasks.{name}.task._target_", type(part).__name__, "a Task")
        parts[name] = part
        if node["encoder"] == "adapter" or node.get("adapter") is not None:
            with seeded(seed, "init", name, "adapter"):
                where = f"tasks.{name}.adapter"
                adapters[name] = build_adapter(node.get("adapter"), where, shared, packages)
    return JointModel(
        shared,
        parts,
        weights={name: float(node["weight"]) for name, node in tasks.items()},
        switches={name: cast(Switch, node["encoder"]) for name, node in tasks.items()},
        adapters=adapters,
        balance=None if balance is None else build_balance(balance, tasks, packages),
    )


def build_balance(node: Any, tasks: dict[str, Any], packages: Sequence[str] = ()) -> Balance:
    """The balance that a recipe's node describes, of those `tasks` that train the encoder. Raises
    ConfigError."""
    weighed = [n for n, t in tasks.items() if t["encoder"] == "joint" and float(t["weight"]) != 0.0]
    made = build(node, "balance", packages, tasks=weighed)
    if not isinstance(made, Balance):
        raise ConfigError("balance._target_", type(made).__name__, "a Balance")
    return made


def build_adapter(
    node: Any, where: str, encoder: SpeakerEncoder, packages: Sequence[str] = ()
) -> Adapter:
    """The adapter that a recipe's node at `where` describes, for this encoder; low-rank where there
    is no node. Raises ConfigError."""
    make = LowRank if node is None else build(node, where, packages)
    if not isinstance(make, type | partial):
        raise ConfigError(where, "no '_partial_: true'", "one: it is made for the encoder")
    try:
        made = make(encoder)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error.where}", error.found, error.expected) from None
    except TypeError as error:
        raise ConfigError(where, str(error), "arguments that fit") from None
    if not isinstance(made, Adapter):
        raise ConfigError(f"{where}._target_", type(made).__name__, "an Adapter")
    return made


def layer_dims(encoder: SpeakerEncoder) -> Callable[[str], int]:
    """A function that gives the channels of the encoder's layer of a name.

    It raises ConfigError, with the names there are, for another.
    """

    @cache
    def found() -> dict[str, int]:
        second = torch.zeros(1, SAMPLE_RATE)
        with torch.no_grad(), evaluating(encoder):
            layers = encoder(second, layers=None).layers
        return {name: layer.features.shape[1] for name, layer in layers.items()}

    def dim(name: str) -> int:
        if name not in found():
            raise ConfigError("layer", name, " or ".join(found()))
        return found()[name]

    return dim


def load_model(
    path: Path, packages: Sequence[str] = (), tasks: Sequence[str] | None = None
) -> tuple[JointModel, dict[str, Any]]:
    """The model of a checkpoint, in eval mode and float32, and the checkpoint's metadata.

    Only the named `tasks` are built, all of them where None; the encoder always is.

    Raises CheckpointError for a file that cannot be read or does not fit its own description, and
    for a task that it does not have.
    """
    metadata = checkpoint.read_metadata(path)
    # What weighs losses is for a training alone.
    left_out: tuple[str, ...] = (f"{checkpoint.MODEL}balance.",)
    try:
        config = metadata["config"]
        nodes = config["tasks"]
        if tasks is not None:
            if missing := [name for name in tasks if name not in nodes]:
                found = f"tasks {', '.join(nodes) or 'none'}"
                raise CheckpointError(path, found, f"one with a task {missing[0]}")
            nodes = {name: nodes[name] for name in tasks}
            left_out += tuple(
                f"{checkpoint.MODEL}{part}.{name}."
                for name in config["tasks"]
                if name not in tasks
                for part in ("tasks", "adapters")
            )
        classes = Classes(
            int(metadata["speaker_count"]),
            tuple(metadata.get("phones", ())),
            tuple(metadata.get("phrases", ())),
        )
        model = build_model(config["encoder"], nodes, classes, packages=packages)
    except (KeyError, TypeError) as error:
        raise CheckpointError(path, f"no {error} in its metadata", "a model checkpoint") from None
    except ConfigError as error:
        raise CheckpointError(path, f"configuration {error}", "a buildable one") from None
    tensors, _ = checkpoint.read(path, (checkpoint.OPTIMIZER, *left_out))
    checkpoint.load_into(model, tensors, path, checkpoint.MODEL)
    return model.eval(), metadata


def encoder_from(
    metadata: dict[str, Any], path: Path, packages: Sequence[str] = ()
) -> SpeakerEncoder:
    """A new encoder as a checkpoint describes its own, with random weights.

    Raises CheckpointError.
    """
    try:
        made = build(metadata["config"]["encoder"], "encoder", packages)
    except (KeyError, TypeError) as error:
        raise CheckpointError(path, f"no {error} in its metadata", "a model checkpoint") from None
    if not isinstance(made, SpeakerEncoder):
        raise CheckpointError(path, type(made).__name__, "a SpeakerEncoder")
    return made


def to_half(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Floating-point tensors in float16, for shipping."""
    return {n: v.to(torch.float16) if v.is_floating_point() else v for n, v in tensors.items()}
