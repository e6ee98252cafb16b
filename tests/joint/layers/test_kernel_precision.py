"""Under a processor's bf16 autocast no kernel runs in bf16 that may not return there."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from joint.encoders.backbones.conformer import MfaConformer
from joint.encoders.frontends.filterbank import Filterbank
from tasks.recognition.core import RecognizerCore


class Precisions(TorchDispatchMode):
    """Records the types of the first argument of every convolution and fused attention kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, set[torch.dtype]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        name = str(func)
        if "conv" in name or "attention" in name:
            self.found.setdefault(name, set()).add(args[0].dtype)
        return func(*args, **(kwargs or {}))


def recogniser() -> Callable[[Tensor], Tensor]:
    core = RecognizerCore(
        Filterbank(24), 7, width=16, lower=1, upper=1, hidden=32, kernel=5, channels=4
    ).eval()
    return lambda x: core.decode(core.encode(x, torch.tensor([x.shape[1]]))).log_probabilities


def conformer() -> Callable[[Tensor], Tensor]:
    network = MfaConformer(24, 16, blocks=1, hidden=32, kernel=5).eval()
    frontend = Filterbank(24)
    return lambda x: network(frontend(x, torch.tensor([x.shape[1]])))[0].features


@pytest.mark.parametrize("make", [recogniser, conformer])
def test_convolutions_stay_in_float32(make: Callable[[], Any]) -> None:
    torch.manual_seed(0)
    forward, waveform = make(), torch.randn(1, 20_000)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), Precisions() as seen:
        forward(waveform)
    assert len(seen.found) == 1  # convolution: attention is made of products
    assert set().union(*seen.found.values()) == {torch.float32}


@pytest.mark.parametrize("make", [recogniser, conformer])
@pytest.mark.parametrize("samples", [5_000, 32_000, 110_400])
def test_bf16_is_near_float32(make: Callable[[], Any], samples: int) -> None:
    torch.manual_seed(0)
    forward, waveform = make(), 0.1 * torch.randn(1, samples)
    with torch.inference_mode():
        exact = forward(waveform)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = forward(waveform).float()
    assert 0.0 < float((rounded - exact).abs().max()) < 0.05 * float(exact.abs().max())
