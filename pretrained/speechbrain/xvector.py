"""SpeechBrain's x-vector in this project's terms."""

from pathlib import Path

from pretrained.foreign import renamed
from pretrained.speechbrain.architecture import (
    LEAKY_RELU,
    Architecture,
    Settings,
    Tensors,
    taken,
    unit,
)

SLOPE = 0.01
"""Of torch's LeakyReLU below zero."""
NOISE, EPSILON = 5e-5, 1e-5
"""What it adds to every mean, on average over its random numbers, and to every deviation."""


def xvector(given: Settings, path: Path) -> Settings:
    """Backbone and pooling, and no norm after it."""
    backbone = {
        "_target_": "joint.encoders.backbones.tdnn.XvectorTdnn",
        "features": given["in_channels"],
        "channels": unit(given["tdnn_channels"], (1, 1, 1, 1), path),
        "output_dim": given["tdnn_channels"][-1],
        "padding": "reflect",
        "slope": SLOPE,
    }
    pooling = {
        "_target_": "joint.encoders.pooling.statistics.StatisticsPooling",
        "_partial_": True,
        "unbiased": True,
    }
    return {"backbone": backbone, "pooling": pooling, "norm": False}


LAYERS = 5
RULES = [  # each layer is three of SpeechBrain's: convolution, activation, norm
    *((rf"blocks\.{3 * n}\.conv\.(\w+)", rf"backbone.convs.{n}.\1") for n in range(LAYERS)),
    *((rf"blocks\.{3 * n + 2}\.norm\.(\w+)", rf"backbone.norms.{n}.\1") for n in range(LAYERS)),
]


def xvector_tensors(tensors: Tensors, given: Settings, path: Path) -> Tensors:
    """What it adds to the statistics goes into the bias of the layer that reads them."""
    dim, rest = given["lin_neurons"], dict(tensors)
    last = f"blocks.{3 * LAYERS + 1}.w"  # after the pooling
    weight = taken(rest, f"{last}.weight", (dim, 2 * given["tdnn_channels"][-1]), path)
    bias = taken(rest, f"{last}.bias", (dim,), path)
    of_mean, of_deviation = (part.sum(dim=1) for part in weight.double().chunk(2, dim=1))
    added = NOISE * of_mean + EPSILON * of_deviation
    projection = {"projection.weight": weight, "projection.bias": bias + added}
    return renamed(rest, RULES, path) | projection


XVECTOR = Architecture(
    free={
        "in_channels": 40,
        "tdnn_channels": [512, 512, 512, 512, 1500],
        "lin_neurons": 512,
    },
    fixed={
        "activation": LEAKY_RELU,
        "tdnn_blocks": LAYERS,
        "tdnn_kernel_sizes": [5, 3, 3, 1, 1],
        "tdnn_dilations": [1, 2, 3, 1, 1],
    },
    bands="in_channels",
    encoder=xvector,
    tensors=xvector_tensors,
)
