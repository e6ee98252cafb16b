"""WeSep's ConvTasNet: SpEx+ with three lengths of filters, and Conv-TasNet with one."""

from typing import Any

import torch
from torch import Tensor

from joint.errors import CheckpointError
from pretrained.wesep import speaker
from pretrained.wesep.settings import SPEAKER, Settings
from pretrained.wesep.spex_speaker import SCALES, filters_of, windows_of
from pretrained.wesep.tensors import Named, Tensors

DEFAULTS = {
    **SPEAKER,
    "N": 512,
    "L": 16,
    "B": 128,
    "H": 512,
    "P": 3,
    "X": 8,
    "R": 3,
    "norm": "gLN",
    "activate": "relu",
    "causal": False,
    "skip_con": False,
    "spk_fuse_type": "concatConv",
    "multi_fuse": True,
    "use_spk_transform": True,
    "encoder_type": "Multi",
    "decoder_type": "Multi",
}
FIXED = {"norm": "gLN", "activate": "relu", "causal": False, "skip_con": False, "multi_fuse": True}
PATH = "tasks.extraction.extractors.time_domain"


def extractor(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of the extractor. Raises CheckpointError."""
    filters, features, hidden, kernel, blocks, stacks = settings.whole("N", "B", "H", "P", "X", "R")
    for key, value in FIXED.items():
        settings.need(key, value)
    settings.need("decoder_type", settings["encoder_type"])
    first, *_ = windows = windows_of(settings)
    joined = settings["spk_fuse_type"] == "concatConv"
    if len(windows) > 1:
        settings.need("spk_fuse_type", "concatConv")
    elif joined:
        expected = "another: it is read with filters of three lengths"
        raise CheckpointError(settings.where("spk_fuse_type"), "'concatConv'", expected)
    sizes = {"filters": filters, "features": features, "hidden": hidden, "kernel": kernel}
    node: dict[str, Any] = {
        "_target_": f"{PATH}.spex_plus.SpExPlus" if joined else f"{PATH}.x_tasnet.XTasNet",
        "_partial_": True,
        **({"windows": windows} if joined else {"window": first}),
        "hop": first // 2,
        **sizes,
        "blocks": blocks,
        "stacks": stacks,
        "fusion": speaker.fusion_node(settings, "additive" if joined else None),
        "normalise_level": False,
    }
    weights: Named = {}
    for stack in range(stacks):
        if joined:
            weights |= _joined(settings, tensors, stack)
        else:
            weights |= _before(settings, tensors, stack)
        for block in range(1 if joined else 0, blocks):
            position = 2 * stack + 1 if joined else 4 * stack + 3
            inner = block - 1 if joined else block
            theirs = f"separation.separation.{position}.separation.{inner}"
            weights |= _block(tensors, theirs, f"separator.stacks.{stack}.{block}", settings)
    if len(windows) > 1:
        weights |= _scales(tensors, windows, filters, features)
    else:
        weights |= _one_scale(tensors, first, filters, features)
    return speaker.transformed(settings, tensors, node, weights)


def _joined(settings: Settings, tensors: Tensors, stack: int) -> Named:
    """The first block of a stack, whose first layer reads features and embedding side by side."""
    features, hidden, size = settings["B"], settings["H"], settings["spk_emb_dim"]
    theirs, ours = f"separation.separation.{2 * stack}", f"separator.stacks.{stack}.0"
    names = {"PReLU_1": "prelu1", "norm_1": "lnorm1", "dwconv": "dconv", "PReLU_2": "prelu2"}
    names |= {"norm_2": "lnorm2", "Output": "sconv"}
    weight = tensors.take(f"{theirs}.conv1x1.weight", hidden, features + size, 1)[..., 0]
    return {
        f"{ours}.expand.weight": weight[:, :features],
        f"{ours}.expand.bias": tensors.take(f"{theirs}.conv1x1.bias", hidden),
        f"{ours}.fusion.shift.weight": weight[:, features:],
        f"{ours}.fusion.shift.bias": torch.zeros(hidden),
        **_rest_of_block(tensors, theirs, ours, settings, names),
    }


def _before(settings: Settings, tensors: Tensors, stack: int) -> Named:
    """What stands before a stack: a conditioning, an activation, a norm."""
    features, place, ours = settings["B"], 4 * stack, f"separator.entries.{stack}"
    there = "separation.separation"
    return {
        **speaker.fusion(settings, tensors, f"{there}.{place}", f"{ours}.fusion", features),
        f"{ours}.after.0.weight": tensors.take(f"{there}.{place + 1}.weight", 1),
        **_norm(tensors, f"{there}.{place + 2}", f"{ours}.after.1", features),
    }


def _block(tensors: Tensors, theirs: str, ours: str, settings: Settings) -> Named:
    found = tensors.linear(
        f"{theirs}.conv1x1", f"{ours}.expand", settings["H"], settings["B"], conv=1
    )
    return found | _rest_of_block(tensors, theirs, ours, settings, {})


def _rest_of_block(
    tensors: Tensors, theirs: str, ours: str, settings: Settings, names: dict[str, str]
) -> Named:
    """A block behind its first layer; `names` are those that differ from the usual ones."""
    features, hidden, kernel = settings["B"], settings["H"], settings["P"]

    def name(part: str) -> str:
        return f"{theirs}.{names.get(part, part)}"

    depthwise = tensors.take(f"{name('dwconv')}.weight", hidden, 1, kernel)
    return {
        f"{ours}.first.0.weight": tensors.take(f"{name('PReLU_1')}.weight", 1),
        **_norm(tensors, name("norm_1"), f"{ours}.first.1", hidden),
        f"{ours}.depthwise.conv.weight": depthwise.unsqueeze(-1),
        f"{ours}.depthwise.conv.bias": tensors.take(f"{name('dwconv')}.bias", hidden),
        f"{ours}.second.0.weight": tensors.take(f"{name('PReLU_2')}.weight", 1),
        **_norm(tensors, name("norm_2"), f"{ours}.second.1", hidden),
        **tensors.linear(name("Output"), f"{ours}.residual", features, hidden, conv=1),
    }


def _norm(tensors: Tensors, theirs: str, ours: str, features: int) -> Named:
    """A global norm."""
    return {
        f"{ours}.{kind}": tensors.take(f"{theirs}.{kind}", features, 1)[:, 0]
        for kind in ("weight", "bias")
    }


def _scales(tensors: Tensors, windows: list[int], filters: int, features: int) -> Named:
    """Filters, masks and synthesis of three scales."""
    width = len(windows) * filters
    found: Named = {
        "bottleneck.norm.weight": tensors.take("encoder.ln.weight", width),
        "bottleneck.norm.bias": tensors.take("encoder.ln.bias", width),
        **tensors.linear("encoder.proj", "bottleneck.linear", features, width, conv=1),
    }
    offsets: list[Tensor] = []
    for i, (window, scale) in enumerate(zip(windows, SCALES, strict=True)):
        name = f"encoder.encoder_1d_{scale}"
        found |= filters_of(tensors.take, name, f"filters.scales.{i}", filters, window)
        mask, synthesis = f"decoder.mask{i + 1}", f"decoder.decoder_1d_{i + 1}"
        found |= tensors.linear(mask, f"masks.linears.{i}", filters, features, conv=1)
        weight = tensors.take(f"{synthesis}.weight", filters, 1, window)
        found[f"synthesis.scales.{i}.weight"] = weight[:, 0].T
        offsets.append(tensors.take(f"{synthesis}.bias", 1))
    return found | {"synthesis.offsets": torch.cat(offsets)}


def _one_scale(tensors: Tensors, window: int, filters: int, features: int) -> Named:
    """Filters, mask and synthesis of one scale."""
    return {
        **filters_of(tensors.take, "encoder.0", "filters.scales.0", filters, window),
        **_norm(tensors, "LayerN_S", "bottleneck.norm", filters),
        **tensors.linear("BottleN_S", "bottleneck.linear", features, filters, conv=1),
        **tensors.linear("gen_masks", "masks.linears.0", filters, features, conv=1),
        "synthesis.scales.0.weight": tensors.take("decoder.weight", filters, 1, window)[:, 0].T,
        "synthesis.offsets": tensors.take("decoder.bias", 1),
    }
