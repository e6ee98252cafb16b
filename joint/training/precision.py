"""The precision of forward passes; weights and gradients stay float32."""

import torch


def autocast_for(wanted: str, device: torch.device) -> torch.autocast:
    """The autocast that `bf16`, `float32` or `auto` means on a device; `auto` is bf16 where the
    processor multiplies it natively."""
    native = cpu_has_bf16() if device.type == "cpu" else torch.cuda.is_bf16_supported()
    enabled = native if wanted == "auto" else wanted == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def cpu_has_bf16() -> bool:
    """Whether this processor has bf16 arithmetic."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
