"""WeSpeaker's models and what they are here: backbone, pooling, the names of their tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pretrained.wespeaker.names import CAMPPLUS, ECAPA, REDIMNET, RESNET, SIMAM, Rules

REQUIRED = object()
"""The default of an argument that has none."""

Arguments = Mapping[str, Any]

POOLINGS: dict[str, dict[str, Any]] = {
    "TAP": {"_target_": "joint.encoders.pooling.statistics.AveragePooling"},
    "TSDP": {"_target_": "joint.encoders.pooling.statistics.DeviationPooling", "unbiased": True},
    "TSTP": {"_target_": "joint.encoders.pooling.statistics.StatisticsPooling", "unbiased": True},
    "ASTP": {
        "_target_": "joint.encoders.pooling.statistics.AttentiveStatisticsPooling",
        "norm": False,
        "unbiased": True,
        "global_context": False,
    },
    # WeSpeaker's default sizes: no model of its passes others on
    "MQMHASTP": {
        "_target_": "joint.encoders.pooling.multihead.MultiHeadAttentivePooling",
        "heads": 8,
        "queries": 2,
        "bottleneck": 64,
        "per_channel": True,
    },
}

SIMAM_POOLING: Arguments = {
    "_target_": "joint.encoders.pooling.statistics.AttentiveStatisticsPooling",
    "global_context": False,
    "norm": True,
    "tanh": False,
    "floor": 1e-5,
}


@dataclass(frozen=True)
class Architecture:
    """A model: the class of its backbone and what that is built with, its constructor's arguments
    with their defaults, how its sizes are called here, and the rules for its tensors.

    `pooling` is that of models without an argument for it; one of `POOLINGS` sees a global context
    if `global_context`. A batch norm stands between pooling and embedding if `norm`, after the
    embedding if `embedding_norm`.
    """

    backbone: str
    rules: Rules
    arguments: Arguments
    sizes: Mapping[str, str]
    fixed: Arguments = field(default_factory=dict)
    pooling: Arguments | None = None
    global_context: bool = False
    norm: bool = False
    embedding_norm: bool = False


def _arguments(pooling: str, **others: Any) -> Arguments:
    return {"feat_dim": REQUIRED, "embed_dim": REQUIRED, "pooling_func": pooling, **others}


def _ecapa(channels: int, global_context: bool) -> Architecture:
    return Architecture(
        "joint.encoders.backbones.ecapa.EcapaTdnn",
        ECAPA,
        _arguments("ASTP", emb_bn=False),
        {"feat_dim": "features"},
        fixed={"channels": channels},
        global_context=global_context,
        norm=True,
    )


def _redimnet(size: int) -> Architecture:
    return Architecture(
        f"joint.encoders.backbones.redimnet.ReDimNetB{size}",
        REDIMNET,
        {
            "feat_dim": 60 if size == 0 else 72,
            "embed_dim": 192,
            "pooling_func": "ASTP",
            "two_emb_layer": False,
        },
        {"feat_dim": "features"},
        global_context=True,
    )


def _simam(depth: int) -> Architecture:
    return Architecture(
        f"joint.encoders.backbones.residual.simam.SimamResNet{depth}",
        SIMAM,
        {"in_planes": 64, "embed_dim": 256, "acoustic_dim": 80, "dropout": 0},
        {"acoustic_dim": "features", "in_planes": "channels"},
        pooling=SIMAM_POOLING,
    )


MODELS: dict[str, Architecture] = {
    **{
        f"ResNet{depth}": Architecture(
            f"joint.encoders.backbones.residual.resnet.ResNet{depth}",
            RESNET,
            _arguments("TSTP", two_emb_layer=False),
            {"feat_dim": "features"},
        )
        for depth in (18, 34, 50, 101, 152, 221, 293)
    },
    "ECAPA_TDNN_c512": _ecapa(512, global_context=False),
    "ECAPA_TDNN_c1024": _ecapa(1024, global_context=False),
    "ECAPA_TDNN_GLOB_c512": _ecapa(512, global_context=True),
    "ECAPA_TDNN_GLOB_c1024": _ecapa(1024, global_context=True),
    "CAMPPlus": Architecture(
        "joint.encoders.backbones.campplus.CamPlusPlus",
        CAMPPLUS,
        {
            "feat_dim": 80,
            "embed_dim": 512,
            "pooling_func": "TSTP",
            "growth_rate": 32,
            "bn_size": 4,
            "init_channels": 128,
            "config_str": "batchnorm-relu",
        },
        {"feat_dim": "features", "init_channels": "channels", "growth_rate": "growth"},
        embedding_norm=True,
    ),
    **{f"ReDimNetB{size}": _redimnet(size) for size in range(7)},
    **{f"SimAM_ResNet{depth}_ASP": _simam(depth) for depth in (34, 100)},
}
