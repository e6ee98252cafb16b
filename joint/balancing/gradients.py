"""The gradient of each task alone, where the tasks share an encoder."""

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from joint.balancing.base import TaskLoss
from joint.errors import ConfigError
from joint.layers.processes import averaged


def norms_at_outputs(losses: Sequence[TaskLoss]) -> Tensor:
    """The norms `(n,)` of the gradients by what each task reads of the encoder, over the global
    batch; the recipe's weights do not count."""
    squares = []
    for each in losses:
        found = _gradients(each, each.share.outputs)
        squares.append(sum((g.float().square().sum() for g in found), torch.zeros(())))
    squared = averaged(torch.stack([s.to(losses[0].loss.device) for s in squares]))
    # of rows that lie on several processes the loss of each has its part of the mean
    processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    return (squared / processes).sqrt()


def gradients_by_parameters(losses: Sequence[TaskLoss], encoder: nn.Module) -> Tensor:
    """The gradients `(n, P)` by the encoder's parameters, by the recipe's weights, over the global
    batch: a backward pass for each task. Raises ConfigError for an encoder that is frozen."""
    parameters = [p for p in encoder.parameters() if p.requires_grad]
    if not parameters:
        raise ConfigError("balance", "an encoder whose every part is frozen", "one that trains")
    rows = [
        torch.cat([g.float().flatten() for g in _gradients(each, parameters)]) * each.weight
        for each in losses
    ]
    return averaged(torch.stack(rows))


def _gradients(loss: TaskLoss, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The gradient by each of the `inputs`; zeros by those that the loss does not depend on."""
    if not inputs or not loss.loss.requires_grad:
        return [torch.zeros_like(x) for x in inputs]
    # Captured and not accumulated: parallel training is not told of this pass. Its kernels run in
    # the precision of the forward pass.
    with torch.autocast(loss.loss.device.type, enabled=False):
        found = torch.autograd.grad(loss.loss, inputs, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, found, strict=True)]
