"""Parts of an encoder that never learn."""

from torch import nn


def constant(module: nn.Module) -> None:
    """Make buffers of a module's parameters, so that no switch can make them learn."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
