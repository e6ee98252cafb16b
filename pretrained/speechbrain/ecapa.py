"""SpeechBrain's ECAPA-TDNN in this project's terms."""

from pathlib import Path

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


def ecapa(given: Settings, path: Path) -> Settings:
    """Backbone and pooling."""
    backbone = {
        "_target_": "joint.encoders.backbones.ecapa.EcapaTdnn",
        "features": given["input_size"],
        "channels": unit(given["channels"], (1, 1, 1, 1), path),
        "aggregated": given["channels"][-1],
        "scale": given["res2net_scale"],
        "bottleneck": given["se_channels"],
        "padding": "reflect",
        "last_norm": True,
    }
    pooling = {
        "_target_": "joint.encoders.pooling.statistics.AttentiveStatisticsPooling",
        "_partial_": True,
        "bottleneck": given["attention_channels"],
        "centred": True,
    }
    return {"backbone": backbone, "pooling": pooling}


def ecapa_block(theirs: int) -> list[tuple[str, str]]:
    """Rules for an SE-Res2 block: the first is the second of SpeechBrain's blocks."""
    block, ours = rf"blocks\.{theirs}", f"backbone.blocks.{theirs - 1}"
    return [
        (rf"{block}\.tdnn1\.(conv|norm)\.\1\.(\w+)", rf"{ours}.expand.\1.\2"),
        (rf"{block}\.tdnn2\.(conv|norm)\.\1\.(\w+)", rf"{ours}.merge.\1.\2"),
        (
            rf"{block}\.res2net_block\.blocks\.(\d+)\.(conv|norm)\.\2\.(\w+)",
            rf"{ours}.res2.blocks.\1.\2.\3",
        ),
        (rf"{block}\.se_block\.conv1\.conv\.(\w+)", rf"{ours}.gate.squeeze.\1"),
        (rf"{block}\.se_block\.conv2\.conv\.(\w+)", rf"{ours}.gate.excite.\1"),
    ]


RULES = [
    (r"blocks\.0\.(conv|norm)\.\1\.(\w+)", r"backbone.input.\1.\2"),
    *(rule for theirs in (1, 2, 3) for rule in ecapa_block(theirs)),
    (r"mfa\.conv\.conv\.(\w+)", r"backbone.aggregate.\1"),
    (r"mfa\.norm\.norm\.(\w+)", r"backbone.norm.\1"),
    (r"asp\.tdnn\.conv\.conv\.bias", r"pooling.frame.bias"),
    (r"asp\.tdnn\.norm\.norm\.(\w+)", r"pooling.norm.\1"),
    (r"asp\.conv\.conv\.(\w+)", r"pooling.attention.\1"),
    (r"asp_bn\.norm\.(\w+)", r"norm.\1"),
    (r"fc\.conv\.(\w+)", r"projection.\1"),
]


def ecapa_tensors(tensors: Tensors, given: Settings, path: Path) -> Tensors:
    """Its attention reads a frame, the mean and the deviation by one matrix; ours by two."""
    width, rest = given["channels"][-1], dict(tensors)
    shape = (given["attention_channels"], 3 * width, 1)
    weight = taken(rest, "asp.tdnn.conv.conv.weight", shape, path).squeeze(-1)
    ours = as_linear(renamed(rest, RULES, path), "squeeze", "excite", "attention", "projection")
    context = {
        "pooling.frame.weight": weight[:, :width],
        "pooling.context.weight": weight[:, width:],
    }
    return ours | context


ECAPA = Architecture(
    free={
        "input_size": None,
        "lin_neurons": 192,
        "channels": [512, 512, 512, 512, 1536],
        "attention_channels": 128,
        "res2net_scale": 8,
        "se_channels": 128,
    },
    fixed={
        "activation": RELU,
        "kernel_sizes": [5, 3, 3, 3, 1],
        "dilations": [1, 2, 3, 4, 1],
        "global_context": True,
        "groups": [1, 1, 1, 1, 1],
    },
    idle=("device", "dropout"),
    bands="input_size",
    encoder=ecapa,
    tensors=ecapa_tensors,
)
