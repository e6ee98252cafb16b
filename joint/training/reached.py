"""Whether gradients reach what is to be trained: known when the first backward pass is done."""

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from joint.errors import ConfigError
from joint.model import JointModel


def check_gradients(model: JointModel, wrapped: nn.Module) -> None:
    """Call after the first backward pass of the `model`, in which every stream had a batch.

    Raises ConfigError where the switches of tasks train the encoder, or an adapter, and no gradient
    reached it: an extractor without an embedding reads nothing of the encoder's. And, where
    `wrapped` synchronises parallel processes that wait for every gradient, for a parameter that has
    none.
    """
    joint = [name for name in model.active if model.switches[name] == "joint"]
    adapted = {name: model.adapter(name) for name in model.active}
    parts = [(joint, model.encoder), *(([name], part) for name, part in adapted.items() if part)]
    for names, part in parts:
        trained = [p for p in part.parameters() if p.requires_grad and p.numel()]
        if names and trained and all(p.grad is None for p in trained):
            where = " and ".join(f"tasks.{name}.encoder" for name in names)
            found = f"{model.switches[names[0]]}, but no gradient reaches the encoder"
            raise ConfigError(where, found, "frozen, or a task that reads the encoding")
    if not _waits(wrapped):
        return
    named = model.named_parameters()
    without = [name for name, p in named if p.requires_grad and p.grad is None]
    if without:
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        expected = "one for every parameter in parallel processes (another task, or frozen)"
        raise ConfigError(f"{without[0]}{more}", "no gradient", expected)


def _waits(wrapped: nn.Module) -> bool:
    """Whether parallel processes go on only when every parameter has a gradient."""
    parallel = (part for part in wrapped.modules() if isinstance(part, DistributedDataParallel))
    return any(not part.find_unused_parameters for part in parallel)
