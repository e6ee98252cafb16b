"""What a training step costs by the item: parameters, arithmetic and stored activations.

    python docs/scaling.py [--step]

They are counted on PyTorch's `meta` device, which computes nothing. `--step` also trains a step of
ResNet293 on this machine and prints the arithmetic that one core does in a second of its own time.
scaling.md makes a cost model of them.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from joint.encoders.backbones.residual.resnet import ResNet293
from joint.encoders.frames import Frames

FRAMES_PER_SECOND, BINS = 100, 80
BATCH, SECONDS = 2, 2.0


def resnet293() -> tuple[nn.Module, Callable[[float], Any]]:
    """The backbone, and its input of so many seconds."""
    return ResNet293(features=BINS), (
        lambda seconds: Frames(torch.randn(BATCH, int(seconds * FRAMES_PER_SECOND), BINS), None)
    )


def w2v_bert() -> tuple[nn.Module, Callable[[float], Any]]:
    """w2v-BERT 2.0 (Barrault et al., "Seamless", 2023) in transformers' default configuration,
    which is the published size; its input stacks two frames."""
    from transformers import Wav2Vec2BertConfig, Wav2Vec2BertModel

    return Wav2Vec2BertModel(Wav2Vec2BertConfig(layerdrop=0.0, apply_spec_augment=False)), (
        lambda seconds: torch.randn(BATCH, int(seconds * FRAMES_PER_SECOND / 2), 2 * BINS)
    )


def scalar(output: Any) -> Tensor:
    """A loss of whatever a network gives."""
    first = output
    while not isinstance(first, Tensor):
        if hasattr(first, "features"):
            first = first.features
        elif hasattr(first, "last_hidden_state"):
            first = first.last_hidden_state
        else:
            first = first[0]
    return first.float().sum()


def counted(build: Callable[[], tuple[nn.Module, Any]], seconds: float) -> dict[str, float]:
    """The cost of an item of so many seconds, forward and backward."""
    with torch.device("meta"):
        network, inputs = build()
        network.train()
        own = {p.untyped_storage()._cdata for p in network.parameters()}
        saved: dict[int, tuple[Tensor, int]] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                saved[storage._cdata] = tensor, storage.nbytes()
            return tensor

        with FlopCounterMode(display=False) as counter:
            with saved_tensors_hooks(keep, lambda tensor: tensor):
                loss = scalar(network(inputs(seconds)))
            loss.backward()
    return {
        "million parameters": sum(p.numel() for p in network.parameters()) / 1e6,
        "training GFLOP an item": counter.get_total_flops() / BATCH / 1e9,
        "stored MB an item, float32": sum(size for _, size in saved.values()) / BATCH / 1e6,
    }


def gflops_of_a_core(seconds: float) -> float:
    """Arithmetic a second of processor time, in a training step of ResNet293 on one core."""
    torch.set_num_threads(1)
    network, inputs = resnet293()
    batch = inputs(seconds)
    scalar(network(batch)).backward()
    begin = time.process_time()
    scalar(network(batch)).backward()
    spent = time.process_time() - begin
    return counted(resnet293, seconds)["training GFLOP an item"] * BATCH / spent


def main() -> None:
    """Print what scaling.md is made of."""
    parser = argparse.ArgumentParser("python docs/scaling.py")
    parser.add_argument("--step", action="store_true", help="also train a step here")
    step = parser.parse_args().step
    for name, build in (("ResNet293", resnet293), ("w2v-BERT 2.0", w2v_bert)):
        for seconds in (SECONDS, 3.0):
            figures = counted(build, seconds)
            shown = ", ".join(f"{value:.1f} {what}" for what, value in figures.items())
            print(f"{name}, {seconds:g} s: {shown}")
    if step:
        print(f"ResNet293 on a core: {gflops_of_a_core(SECONDS):.1f} GFLOP/s")


if __name__ == "__main__":
    main()
