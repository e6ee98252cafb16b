"""Whether a network is being recorded as a graph, for an export."""

import torch


def exporting() -> bool:
    """Whether a graph is being recorded: what it computes may then not depend on the values of its
    inputs, such as whether a batch has padding."""
    return torch.compiler.is_exporting()
