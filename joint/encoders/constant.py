"""Parts of an encoder that are never trained."""

from torch import nn


def constant(module: nn.Module) -> None:
    """Make buffers of a module's parameters, so that no switch can train them."""
    for part in module.modules():
        for name, parameter in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, parameter.detach())
