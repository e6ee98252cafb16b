"""Optimizer groups and the learning rate's schedule."""

import math

import torch

from joint.errors import ConfigError
from joint.model import JointModel
from joint.training.config import OptimizerConfig


def learning_rate(config: OptimizerConfig, progress: float) -> float:
    """Linear warm-up, then half a cosine down to `final_share`."""
    if progress < config.warmup_share:
        return config.lr * max(progress / config.warmup_share, 1e-3)
    done = (progress - config.warmup_share) / max(1.0 - config.warmup_share, 1e-8)
    final = config.lr * config.final_share
    return final + (config.lr - final) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))


def make_optimizer(model: JointModel, config: OptimizerConfig) -> torch.optim.Optimizer:
    """One named group for the encoder and one for each task, with its adapter; no decay on biases
    and norms.

    Raises ConfigError where there is nothing to train.
    """
    groups = []
    for name, own in model.groups().items():
        for decays in (True, False):
            parameters = [p for p in own if p.requires_grad and (p.ndim > 1) == decays]
            if parameters:
                groups.append(
                    {
                        "params": parameters,
                        "name": name,
                        "scale": config.lr_scale.get(name, 1.0),
                        "weight_decay": config.weight_decay if decays else 0.0,
                    }
                )
    if not groups:
        raise ConfigError("tasks", "nothing that learns", "a weight other than 0")
    if config.kind == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), fused=True)
