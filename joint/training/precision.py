"""The precision of forward passes; weights and gradients stay float32."""

import torch
from torch import nn

from joint.errors import ConfigError


def autocast_for(precision: str, device: torch.device) -> torch.autocast:
    """The autocast that `bf16`, `float32` or `auto` means on a device.

    `auto` is bf16 where the device multiplies bf16 natively, else float32: a processor with AVX2
    alone takes 4 to 6 times as long in bf16 for recordings of 20 s, and on some oneDNN has no LSTM
    in bf16. Parts whose bf16 kernels do not return are kept in float32 (`joint.layers.precision`).
    The rule depends on nothing but the device, so that a resumed training computes as before;
    `python -m tests.benchmarks lengths` measures both precisions on any machine, and flags where
    `auto` is the slower one or hangs.
    """
    native = cpu_has_bf16() if device.type == "cpu" else torch.cuda.is_bf16_supported()
    enabled = native if precision == "auto" else precision == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def check_precision(precision: str, device: torch.device, model: nn.Module) -> None:
    """Raise ConfigError for bf16 that is asked for where the model has an LSTM and the processor no
    bf16 arithmetic: oneDNN then has no LSTM. It has the other layers, and torch's own LSTM with
    projections, GRU and cells need no oneDNN."""
    if precision != "bf16" or device.type != "cpu" or cpu_has_bf16():
        return
    for name, part in model.named_modules():
        if isinstance(part, nn.LSTM) and not part.proj_size:
            expected = "auto or float32: this processor has no bf16 LSTM"
            raise ConfigError("trainer.precision", f"bf16, and the LSTM {name}", expected)


def cpu_has_bf16() -> bool:
    """Whether this processor has bf16 arithmetic (AVX512-BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
