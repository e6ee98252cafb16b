"""The tensors of WeSep's ConvTasNet and SpEx+ under our names and in our order of axes."""

import re
from typing import Any

import torch
from torch import Tensor

BLOCK = (
    (r"\.(?:conv1x1)\.", ".expand."),
    (r"\.(?:PReLU_1|prelu1)\.", ".first.0."),
    (r"\.(?:norm_1|lnorm1)\.", ".first.1."),
    (r"\.(?:dwconv|dconv)\.", ".depthwise.conv."),
    (r"\.(?:PReLU_2|prelu2)\.", ".second.0."),
    (r"\.(?:norm_2|lnorm2)\.", ".second.1."),
    (r"\.(?:Output|sconv)\.", ".residual."),
)
AROUND = (
    (r"^encoder\.(?:0|encoder_1d_short)\.", "filters.scales.0."),
    (r"^encoder\.encoder_1d_middle\.", "filters.scales.1."),
    (r"^encoder\.encoder_1d_long\.", "filters.scales.2."),
    (r"^(?:encoder\.ln|LayerN_S)\.", "bottleneck.norm."),
    (r"^(?:encoder\.proj|BottleN_S)\.", "bottleneck.linear."),
    (r"^gen_masks\.", "masks.linears.0."),
    (r"^decoder\.(weight|bias)$", r"decoder.decoder_1d_1.\1"),
)
ENTRY = (
    (r"^fc\.gamma_fcs\.0\.", "fusion.gain."),
    (r"^fc\.beta_fcs\.0\.", "fusion.shift."),
    (r"^fc\.linear\.", "fusion."),
)
PARTS = "features", "speaker"
FUSION = {"multiply": "gain", "additive": "shift"}


def renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """One name by all rules in turn."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def of_separation(name: str, kind: str) -> str:
    """A name inside WeSep's separation: a stack is two of its modules where the speaker is joined
    in the first block (`concatConv`), else four."""
    place, rest = name.split(".", 1)
    per_stack = 2 if kind == "concatConv" else 4
    stack, part = divmod(int(place), per_stack)
    if part == per_stack - 1:
        block = re.match(r"separation\.(\d+)\.(.*)", rest)
        assert block
        number = int(block[1]) + (kind == "concatConv")
        return f"separator.stacks.{stack}.{number}.{renamed('.' + block[2], BLOCK)[1:]}"
    if kind == "concatConv":
        return f"separator.stacks.{stack}.0.{renamed('.' + rest, BLOCK)[1:]}"
    entry = f"separator.entries.{stack}"
    if part == 0:
        return f"{entry}.{renamed(rest, ENTRY)}"
    return f"{entry}.after.{part - 1}.{rest}"


def time_domain(tensors: dict[str, Tensor], arguments: dict[str, Any]) -> dict[str, Tensor]:
    """All tensors of a model with these arguments."""
    kind, features = arguments["spk_fuse_type"], arguments["B"]
    ours: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.startswith("separation."):
            found = of_separation(name.removeprefix("separation.separation."), kind)
        else:
            found = renamed(name, AROUND)
        found = re.sub(r"^decoder\.(.+?)(\d)\.", lambda m: f"{m[1]}.{int(m[2]) - 1}.", found)
        if found.startswith("decoder_1d_."):
            scale, part = found.removeprefix("decoder_1d_.").split(".")
            if part == "weight":
                ours[f"synthesis.scales.{scale}.weight"] = tensor[:, 0].T
            else:
                ours[f"offsets.{scale}"] = tensor
        elif found.startswith("mask."):
            ours[found.replace("mask.", "masks.linears.")] = without_width(tensor)
        elif found.startswith("filters."):
            ours[found] = tensor if tensor.dim() == 1 else tensor[:, 0]
        elif found.endswith(".depthwise.conv.weight"):
            ours[found] = tensor.unsqueeze(3)
        elif kind == "concatConv" and ".0.expand." in found:
            speaker = found.replace(".expand.", ".fusion.shift.")
            ours |= side_by_side(without_width(tensor), features, found, speaker)
            # the offset is in the first of the two
            ours.setdefault(speaker.replace(".weight", ".bias"), torch.zeros(len(tensor)))
        elif kind == "concat" and ".fusion." in found:
            mine, speaker = (found.replace(".fusion.", f".fusion.of_{x}.") for x in PARTS)
            ours |= side_by_side(tensor, features, mine, speaker)
        else:
            found = (
                found.replace(".fusion.", f".fusion.{FUSION[kind]}.") if kind in FUSION else found
            )
            ours[found] = without_width(tensor)
    scales = sorted(name for name in ours if name.startswith("offsets."))
    return {"synthesis.offsets": torch.cat([ours.pop(name) for name in scales]), **ours}


def without_width(tensor: Tensor) -> Tensor:
    """Weights of a convolution of width 1 as a linear layer's, `(C, 1)` as `(C,)`."""
    return tensor if tensor.dim() == 1 else tensor.squeeze(-1)


def side_by_side(tensor: Tensor, features: int, ours: str, speaker: str) -> dict[str, Tensor]:
    """A product of features and speaker side by side is two, the first with the offset."""
    if tensor.dim() == 1:
        return {ours: tensor}
    return {ours: tensor[:, :features], speaker: tensor[:, features:]}
