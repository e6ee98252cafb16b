"""SpeechBrain's ResNet in this project's terms."""

from pathlib import Path

import torch

from pretrained.foreign import renamed
from pretrained.speechbrain.architecture import (
    RELU,
    Architecture,
    Settings,
    Tensors,
    as_linear,
    taken,
    unit,
)

NORM_EPSILON = 1e-5
"""Of torch's batch norm."""


def resnet(given: Settings, path: Path) -> Settings:
    """Backbone and pooling."""
    backbone = {
        "_target_": "joint.encoders.backbones.residual.seresnet.SeResNet",
        "features": given["input_size"],
        "channels": unit(given["channels"], (1, 1, 2, 2), path),
    }
    pooling = {
        "_target_": "joint.encoders.pooling.statistics.AttentiveStatisticsPooling",
        "_partial_": True,
        "global_context": False,
        "norm": True,
        "tanh": False,
        "floor": 1e-5,
    }
    return {"backbone": backbone, "pooling": pooling}


def resnet_stage(theirs: int) -> list[tuple[str, str]]:
    """Rules for a stage, which SpeechBrain counts from 1."""
    block, ours = rf"layer{theirs}\.(\d+)", rf"backbone.stages.{theirs - 1}.\1"
    return [
        (rf"{block}\.conv(\d)\.(\w+)", rf"{ours}.conv\2.\3"),
        (rf"{block}\.bn(\d)\.(\w+)", rf"{ours}.norm\2.\3"),
        (rf"{block}\.downsample\.(\d)\.(\w+)", rf"{ours}.shortcut.\2.\3"),
        (rf"{block}\.se\.fc\.0\.(\w+)", rf"{ours}.gate.squeeze.\2"),
        (rf"{block}\.se\.fc\.2\.(\w+)", rf"{ours}.gate.excite.\2"),
    ]


RULES = [
    (r"conv1\.(\w+)", r"backbone.conv.\1"),
    (r"bn1\.(\w+)", r"backbone.norm.\1"),
    *(rule for theirs in (1, 2, 3, 4) for rule in resnet_stage(theirs)),
    (r"attention\.0\.(\w+)", r"pooling.frame.\1"),
    (r"attention\.2\.(\w+)", r"pooling.norm.\1"),
    (r"attention\.3\.(\w+)", r"pooling.attention.\1"),
    (r"norm_stats\.(\w+)", r"norm.\1"),
]


def resnet_tensors(tensors: Tensors, given: Settings, path: Path) -> Tensors:
    """Its images have time before frequency; the norm of its embeddings goes into the layer before
    it."""
    dim, rest = given["lin_neurons"], dict(tensors)
    bands = -(-given["input_size"] // 8)
    weight = taken(rest, "fc_embed.weight", (dim, 2 * bands * given["channels"][-1]), path)
    names = ("weight", "bias", "running_mean", "running_var")
    gain, shift, mean, variance = (
        taken(rest, f"norm_embed.{name}", (dim,), path).double() for name in names
    )
    rest.pop("norm_embed.num_batches_tracked", None)
    scale = gain / torch.sqrt(variance + NORM_EPSILON)
    bias = taken(rest, "fc_embed.bias", (dim,), path)
    ours = as_linear(renamed(rest, RULES, path), "pooling.frame", "pooling.attention")
    images = {n: v.transpose(2, 3).contiguous() for n, v in ours.items() if v.ndim == 4}
    projection = {
        "projection.weight": scale[:, None] * weight,
        "projection.bias": scale * (bias - mean) + shift,
    }
    return ours | images | projection


RESNET = Architecture(
    free={"input_size": 80, "channels": [128, 128, 256, 256], "lin_neurons": 256},
    fixed={"activation": RELU, "block_sizes": [3, 4, 6, 3], "strides": [1, 2, 2, 2]},
    bands="input_size",
    encoder=resnet,
    tensors=resnet_tensors,
)
