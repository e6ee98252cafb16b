"""The precision of forward passes; weights and gradients stay float32."""

import torch


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


def cpu_has_bf16() -> bool:
    """Whether this processor has bf16 arithmetic (AVX512-BF16 or AMX)."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
