"""Parts of a network that stay in float32 under a processor's bf16 autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch


def float32_on_cpu(device: torch.device) -> AbstractContextManager[object]:
    """A context without autocast on processors, and one that changes nothing on other devices.

    oneDNN's bf16 convolutions do not return for some shapes on processors with AMX (torch 2.11:
    recordings of 6.9 s, not of 5 s). What is computed within has to be cast by the caller.
    """
    return torch.autocast("cpu", enabled=False) if device.type == "cpu" else nullcontext()


def float32_if_cpu(x: torch.Tensor) -> torch.Tensor:
    """`x` as float32 on processors, unchanged on other devices; see `float32_on_cpu`."""
    return x.float() if x.device.type == "cpu" else x
