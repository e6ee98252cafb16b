"""Structured pruning: how large an encoder with gates is, and the smaller one without what is shut.

Every layer reads one axis of channels and writes another; the axes that have gates get shorter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from joint.encoders.backbones.gated_ecapa import GatedEcapaTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.pooling.statistics import AttentiveStatisticsPooling
from joint.errors import ConfigError
from joint.layers.modes import evaluating

WHOLE = "whole"
"""An axis without gates."""


@dataclass(frozen=True)
class Part:
    """A layer by its name in the encoder, and the axes that it `reads` and `writes`; the vectors of
    a norm lie along what it writes."""

    name: str
    reads: str = WHOLE
    writes: str = WHOLE


def parts_of(encoder: SpeakerEncoder) -> Iterator[Part]:
    """The layers that have an axis with gates."""
    backbone = gated_backbone(encoder)
    for i, block in enumerate(backbone.se_blocks(), 1):
        name, width, hidden = f"backbone.blocks.{i - 1}", f"hidden{i}", f"groups{i}"
        yield Part(f"{name}.expand.conv", writes=hidden)
        yield Part(f"{name}.expand.norm", writes=hidden)
        for j in range(len(block.res2.blocks)):
            yield Part(f"{name}.res2.blocks.{j}.conv", width, width)
            yield Part(f"{name}.res2.blocks.{j}.norm", writes=width)
        yield Part(f"{name}.merge.conv", reads=hidden)
        yield Part(f"{name}.gate.squeeze", writes=f"units{i}")
        yield Part(f"{name}.gate.excite", reads=f"units{i}")
    yield Part("backbone.aggregate", writes="aggregated")
    yield Part("backbone.norm", writes="aggregated")
    yield Part("pooling.frame", reads="aggregated")
    yield Part("pooling.context", reads="moments")
    yield Part("pooling.attention", writes="aggregated")
    yield Part("norm", writes="moments")
    yield Part("projection", reads="moments")


def gated_backbone(encoder: SpeakerEncoder) -> GatedEcapaTdnn:
    """The encoder's backbone. Raises ConfigError unless it has gates and attentive statistics
    behind it."""
    if not isinstance(encoder.backbone, GatedEcapaTdnn):
        kind = type(encoder.backbone).__name__
        raise ConfigError("encoder.backbone", kind, "one with gates, GatedEcapaTdnn")
    if not isinstance(encoder.pooling, AttentiveStatisticsPooling):
        kind = type(encoder.pooling).__name__
        raise ConfigError("encoder.pooling", kind, "AttentiveStatisticsPooling")
    return encoder.backbone


def ungated_parameters(encoder: SpeakerEncoder) -> int:
    """Parameters of an encoder, without those of its gates."""
    gates = sum(p.numel() for p in gated_backbone(encoder).gates.parameters())
    return sum(p.numel() for p in encoder.parameters()) - gates


def expected_parameters(encoder: SpeakerEncoder) -> Tensor:
    """How many parameters the encoder has without what a draw of its gates shuts: those of each
    layer times the expected shares of the axes that it reads and writes. A scalar with a gradient.
    """
    gates = gated_backbone(encoder).gates
    shares: dict[str, Tensor | float] = {
        name: gate.open_probability().mean()  # type: ignore[operator]
        for name, gate in gates.items()
    }
    return remaining(encoder, shares)


def remaining(encoder: SpeakerEncoder, shares: Mapping[str, Tensor | float]) -> Tensor:
    """Parameters where these shares of the gates' axes stay."""
    known: dict[str, Any] = {WHOLE: 1.0, "moments": shares["aggregated"], **shares}
    known |= {f"groups{n[6:]}": share for n, share in shares.items() if n.startswith("hidden")}
    total = torch.as_tensor(float(ungated_parameters(encoder)))
    modules = dict(encoder.named_modules())
    for part in parts_of(encoder):
        reads, writes = known[part.reads], known[part.writes]
        for parameter in modules.get(part.name, nn.Identity()).parameters():
            stays = writes * (reads if parameter.ndim > 1 else 1.0)
            total = total - parameter.numel() * (1.0 - stays)
    return total


@torch.no_grad()
def smaller(encoder: SpeakerEncoder) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The sizes of an EcapaTdnn without the channels that are shut in eval mode, and the state of
    the encoder that has it: it encodes as `encoder` does in eval mode, up to rounding, and has its
    expected number of parameters, up to the rounding of its sizes.

    Gates that are open by a part are multiplied into the weights; what a channel of zeros gives
    behind the pooling is a constant, which goes into the next layer's bias. An axis keeps one
    channel at least. Raises ConfigError as `gated_backbone`.
    """
    backbone = gated_backbone(encoder)
    with evaluating(encoder):
        gates = {n: gate() for n, gate in backbone.gates.items()}
    kept = {
        n: gate.stays().nonzero().flatten()  # type: ignore[operator]
        for n, gate in backbone.gates.items()
    }
    sizes: dict[str, Any] = {"hidden": [], "bottleneck": [], "aggregated": len(kept["aggregated"])}
    state = {n: v.clone() for n, v in encoder.state_dict().items() if ".gates." not in n}
    fold_constants(encoder, state, kept["aggregated"])
    fold_gates(backbone, state, gates)
    width = backbone.output_dim
    kept["moments"] = torch.cat([kept["aggregated"], kept["aggregated"] + width])
    for i, block in enumerate(backbone.se_blocks(), 1):
        groups, channels = len(block.res2.blocks) + 1, block.res2.width
        starts = channels * torch.arange(groups, device=kept[f"hidden{i}"].device)
        kept[f"groups{i}"] = (starts[:, None] + kept[f"hidden{i}"]).flatten()
        sizes["hidden"].append(len(kept[f"groups{i}"]))
        sizes["bottleneck"].append(len(kept[f"units{i}"]))
    for part in parts_of(encoder):
        for name in [n for n in state if n.rpartition(".")[0] == part.name]:
            if part.writes != WHOLE and state[name].ndim:
                state[name] = state[name][kept[part.writes]]
            if part.reads != WHOLE and state[name].ndim > 1:
                state[name] = state[name][:, kept[part.reads]]
    return sizes, {n: v.contiguous() for n, v in state.items()}


def fold_gates(
    backbone: GatedEcapaTdnn, state: dict[str, Tensor], gates: dict[str, Tensor]
) -> None:
    """Multiply the gates into the layers before them, and those of units into the layer behind."""

    def scale(name: str, gate: Tensor) -> None:
        for kind in ("weight", "bias"):
            tensor = state[f"{name}.{kind}"]
            tensor.mul_(gate.view(-1, *[1] * (tensor.ndim - 1)))

    for i, block in enumerate(backbone.se_blocks(), 1):
        name, gate = f"backbone.blocks.{i - 1}", gates[f"hidden{i}"]
        scale(f"{name}.expand.norm", gate.repeat(len(block.res2.blocks) + 1))
        for j in range(len(block.res2.blocks)):
            scale(f"{name}.res2.blocks.{j}.norm", gate)
        state[f"{name}.gate.excite.weight"].mul_(gates[f"units{i}"])
    last = "norm" if "backbone.norm.weight" in state else "aggregate"
    scale(f"backbone.{last}", gates["aggregated"])


def fold_constants(encoder: SpeakerEncoder, state: dict[str, Tensor], kept: Tensor) -> None:
    """Add to biases what channels of zeros contribute: a deviation at its floor, in the attention's
    context and, through the norm, in the projection."""
    pooling = encoder.pooling
    assert isinstance(pooling, AttentiveStatisticsPooling)
    width = pooling.output_dim // 2
    shut = torch.ones(width, dtype=torch.bool, device=kept.device)
    shut[kept] = False
    moments = shut.repeat(2)
    silent = Frames(torch.zeros(1, 8, width, device=kept.device), None)
    with evaluating(encoder):
        context, pooled = pooling.context_of(silent)[0], encoder.norm(pooling(silent))[0]
    if pooling.context is not None:
        weight = state["pooling.context.weight"][:, moments]
        state["pooling.frame.bias"].add_(weight @ context[moments])
    weight = state["projection.weight"][:, moments]
    state["projection.bias"].add_(weight @ pooled[moments])
