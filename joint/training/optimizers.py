"""Optimizer groups by dotted prefix, their optimizers, and the learning rate's schedule."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from joint.errors import ConfigError
from joint.model import JointModel
from joint.training.config.schema import GroupConfig, OptimizerConfig
from joint.training.config.wording import no_such_part
from joint.training.distributed.sharding import is_sharded, whole

MAIN, CRITIC = "main", "critic"
"""The optimizer of the model, and that of its tasks' critics where they have some."""


def learning_rate(config: OptimizerConfig, progress: float) -> float:
    """Linear warm-up, then half a cosine down to `final_share`."""
    if progress < config.warmup_share:
        return config.lr * max(progress / config.warmup_share, 1e-3)
    done = (progress - config.warmup_share) / max(1.0 - config.warmup_share, 1e-8)
    final = config.lr * config.final_share
    return final + (config.lr - final) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))


def make_optimizers(model: JointModel, config: OptimizerConfig) -> dict[str, torch.optim.Optimizer]:
    """The optimizers of a model's parameters, MAIN and, where a task has a critic, CRITIC.

    A parameter belongs to the group of the longest prefix of its name; there is always one for
    `encoder` and one for each `tasks.NAME`, with the task's adapter. Biases and norms have no
    weight decay. Parameters of frozen groups get `requires_grad` False and are in no optimizer.

    Raises ConfigError for a prefix that names nothing and where nothing is left to train.
    """
    check_prefixes(model, config)
    config = with_layers(model, config)
    known = {"encoder", "balance", *(f"tasks.{name}" for name in model.tasks), *config.groups}
    critics = {id(p) for p in model.critic_parameters()}
    groups: dict[str, dict[tuple[str, bool], list[nn.Parameter]]] = {MAIN: {}, CRITIC: {}}
    for name, parameter in model.named_parameters():
        prefix = next(p for p in prefixes_of(name) if p in known)
        if setting(config, prefix, "frozen", False):
            parameter.requires_grad_(False)
        if parameter.requires_grad:
            own = groups[CRITIC if id(parameter) in critics else MAIN]
            own.setdefault((prefix, parameter.ndim > 1), []).append(parameter)
    if not groups[MAIN]:
        raise ConfigError("tasks", "nothing to train", "a weight other than 0")
    made: dict[str, torch.optim.Optimizer] = {}
    for optimizer, found in groups.items():
        options = [
            {
                "params": parameters,
                "name": prefix,
                "scale": setting(config, prefix, "lr_scale", 1.0),
                "clip_norm": setting(config, prefix, "clip_norm", config.clip_norm),
                "weight_decay": (
                    setting(config, prefix, "weight_decay", config.weight_decay) if decays else 0.0
                ),
            }
            for (prefix, decays), parameters in found.items()
        ]
        if not options:
            continue
        if config.kind == "sgd":
            # PyTorch has no fused SGD of sharded parameters
            fused = not is_sharded(model)
            made[optimizer] = torch.optim.SGD(
                options, lr=config.lr, momentum=0.9, nesterov=True, fused=fused
            )
        else:
            made[optimizer] = torch.optim.AdamW(
                options, lr=config.lr, betas=config.betas, fused=True
            )
    return made


def prefixes_of(name: str) -> Iterator[str]:
    """The dotted prefixes of a parameter's or a group's name, the longest first; a task's adapter
    belongs to the task."""
    parts = name.split(".")
    yield from (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    if parts[0] == "adapters" and len(parts) > 1:
        yield from prefixes_of(f"tasks.{parts[1]}")


def setting(config: OptimizerConfig, prefix: str, key: str, default: Any) -> Any:
    """What the longest configured prefix of `prefix` that has the `key` says, else `default`."""
    given = (getattr(config.groups[p], key) for p in prefixes_of(prefix) if p in config.groups)
    return next((value for value in given if value is not None), default)


def check_prefixes(model: JointModel, config: OptimizerConfig) -> None:
    """Raises ConfigError, with the nearest name there is, for a group that names no part."""
    names = {n for n, _ in model.named_modules() if n} | {n for n, _ in model.named_parameters()}
    for prefix in config.groups:
        if prefix not in names:
            raise no_such_part(f"optimizer.groups.{prefix}", prefix, names)


def with_layers(model: JointModel, config: OptimizerConfig) -> OptimizerConfig:
    """The same with a group for each layer of the lists whose groups have a `layer_decay`.

    Raises ConfigError for a group that is no list of layers.
    """
    groups = dict(config.groups)
    for prefix, group in config.groups.items():
        if (decay := group.layer_decay) is None:
            continue
        where = f"optimizer.groups.{prefix}.layer_decay"
        layers = dict(model.named_modules()).get(prefix)
        if not isinstance(layers, nn.ModuleList):
            raise ConfigError(where, type(layers).__name__, "a group that is a list of layers")
        scale = setting(config, prefix, "lr_scale", 1.0)
        for place in range(len(layers)):
            own = groups.get(name := f"{prefix}.{place}", GroupConfig())
            if own.lr_scale is None:
                rate = scale * decay ** (len(layers) - 1 - place)
                groups[name] = replace(own, lr_scale=rate)
    return replace(config, groups=groups)


def train_mode(model: JointModel, config: OptimizerConfig) -> None:
    """Training mode for all of the model but the modules of frozen groups: their running
    statistics stay too."""
    model.train()
    modules = dict(model.named_modules())
    for prefix in sorted(config.groups, key=len):
        frozen = config.groups[prefix].frozen
        if frozen is not None and prefix in modules:
            modules[prefix].train(not frozen)


def clip(optimizer: torch.optim.Optimizer) -> float:
    """Clip the gradients of each group by itself, so that one more task changes no other's step;
    gives the norm of all of them before."""
    groups: dict[str, tuple[float, list[nn.Parameter]]] = {}
    for group in optimizer.param_groups:
        _, parameters = groups.setdefault(group["name"], (group["clip_norm"], []))
        parameters.extend(p for p in group["params"] if p.grad is not None)
    norms = (_clip(parameters, bound) for bound, parameters in groups.values() if parameters)
    return math.sqrt(sum(norm**2 for norm in norms))


def _clip(parameters: list[nn.Parameter], bound: float) -> float:
    """Clip gradients to the norm `bound`; gives their norm before, of a sharded model over all
    processes."""
    norm = whole(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
    nn.utils.clip_grads_with_norm_(parameters, bound, norm)
    return float(norm)


def set_rate(optimizers: Iterable[torch.optim.Optimizer], rate: float) -> None:
    """Give every group the `rate` times its scale."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
