"""WeSep's DPCCN and TFGridNet, which map the spectrum of the mixture to that of the target."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from einops import EinopsError, rearrange
from torch import Tensor

from joint.errors import CheckpointError
from pretrained.wesep import speaker
from pretrained.wesep.settings import SPEAKER, Settings
from pretrained.wesep.tensors import Named, Tensors

DPCCN_DEFAULTS = {
    **SPEAKER,
    "sr": 16_000,
    "win": 512,
    "stride": 128,
    "feature_dim": 257,
    "kernel_size": (3, 3),
    "stride1": (1, 1),
    "stride2": (1, 2),
    "paddings": (1, 1),
    "output_padding": (0, 0),
    "tcn_dims": 384,
    "tcn_blocks": 10,
    "tcn_layers": 2,
    "causal": False,
    "pool_size": (4, 8, 16, 32),
}
SHAPES = {key: DPCCN_DEFAULTS[key] for key in ("kernel_size", "stride1", "stride2", "paddings")}
TFGRIDNET_DEFAULTS = {
    **SPEAKER,
    "n_srcs": 1,
    "sr": 16_000,
    "n_fft": 128,
    "stride": 64,
    "window": "hann",
    "n_imics": 1,
    "n_layers": 6,
    "lstm_hidden_units": 192,
    "attn_n_head": 4,
    "attn_approx_qk_dim": 512,
    "emb_dim": 48,
    "emb_ks": 4,
    "emb_hs": 1,
    "activation": "prelu",
    "eps": 1e-5,
}
DPCCN_PARTS = (
    *("conv2d.", "encoder.", "decoder.", "tcn_layers."),
    *("avg_pool.", "avg_proj.", "deconv2d."),
)
PATH = "tasks.extraction.extractors"
Rules = Sequence[tuple[str, str]]
"""Patterns and what stands for each of their matches; all are applied in turn."""

DPCCN: Rules = (
    (r"^conv2d\.", "first."),
    (r"^deconv2d\.", "last."),
    (r"\.dconv1\.", ".depthwise."),
    (r"\.dconv2\.", ".pointwise."),
    (r"^avg_pool\.(\d+)\.1\.", r"pooling.linears.\1."),
    (r"^avg_proj\.", "pooling.merge."),
    # a level of one part is a part of its own there
    (r"^((?:en|de)coder\.\d+)\.(conv)", r"\1.0.\2"),
    (r"\.(?:conv2d|convtrans2d)\.", ".conv."),
)
TFGRIDNET: Rules = (
    (r"^conv\.0\.", "encode.conv."),
    (r"^conv\.1\.", "encode.norm."),
    (r"^deconv\.", "decode.conv."),
    (r"\.intra_(norm|linear)\.", r".across.\1."),
    (r"\.intra_rnn\.", ".across.lstm."),
    (r"\.inter_(norm|linear)\.", r".along.\1."),
    (r"\.inter_rnn\.", ".along.lstm."),
    (r"\.attn_concat_proj\.2\.gamma$", ".attention.norm.weight"),
    (r"\.attn_concat_proj\.2\.beta$", ".attention.norm.bias"),
    (r"\.attn_concat_proj\.", ".attention.merge."),
    (r"\.attn_(?:conv|norm)_Q\.", ".attention.query."),
    (r"\.attn_(?:conv|norm)_K\.", ".attention.key."),
    (r"\.attn_(?:conv|norm)_V\.", ".attention.value."),
    (r"\.(query|key|value)\.(weight|bias)$", r".\1.linear.\2"),
    (r"\.(query|key|value)\.act\.weight$", r".\1.slope"),
    (r"\.(query|key|value)\.gamma$", r".\1.gain"),
    (r"\.(query|key|value)\.beta$", r".\1.shift"),
)


def dpccn_encoder(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of DPCCN's speaker encoder. Raises CheckpointError."""
    window, hop = settings.whole("win", "stride")
    return speaker.encoder(settings, tensors, (window, hop))


def tfgridnet_encoder(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of TFGridNet's speaker encoder. Raises CheckpointError."""
    window, hop = settings.whole("n_fft", "stride")
    return speaker.encoder(settings, tensors, (window, hop))


def dpccn(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of DPCCN. Raises CheckpointError."""
    window, hop, width = settings.whole("win", "stride", "tcn_dims")
    blocks, repeats = settings.whole("tcn_blocks", "tcn_layers")
    bins = window // 2 + 1
    settings.need("feature_dim", bins)
    settings.need("causal", False)
    settings.need("tcn_dims", 384)  # the deepest level's channels, which no configuration changes
    for key, value in SHAPES.items():
        settings.need(key, value, list(value))
    settings.need("output_padding", (0, 0), [0, 0])
    pools = settings["pool_size"]
    if not isinstance(pools, Sequence) or len(pools) != 4:
        raise CheckpointError(settings.where("pool_size"), repr(pools), "four sizes")
    node = {
        "_target_": f"{PATH}.dpccn.DpccnExtractor",
        "_partial_": True,
        "window": window,
        "hop": hop,
        "deep": [64, 128, width],
        "blocks": blocks,
        "repeats": repeats,
        "pools": list(pools),
        "fusion": speaker.fusion_node(settings),
        "plain": True,
        "levelled": False,
    }
    weights = _dpccn_names(_taken(tensors, DPCCN_PARTS), blocks)
    weights |= speaker.fusion(settings, tensors, "spk_fuse", "fusion", bins)
    return speaker.transformed(settings, tensors, node, weights)


def tfgridnet(settings: Settings, tensors: Tensors) -> tuple[dict[str, Any], Named]:
    """The node and the weights of TFGridNet. Raises CheckpointError."""
    fixed = {"n_srcs": 1, "n_imics": 1, "window": "hann", "activation": "prelu", "eps": 1e-5}
    for key, value in fixed.items():
        settings.need(key, value)
    names = {
        "n_fft": "window",
        "stride": "hop",
        "emb_dim": "features",
        "n_layers": "depth",
        "lstm_hidden_units": "hidden",
        "emb_ks": "kernel",
        "emb_hs": "kernel_hop",
        "attn_n_head": "heads",
        "attn_approx_qk_dim": "query_dim",
    }
    node = {
        "_target_": f"{PATH}.tfgridnet.TfGridNetExtractor",
        "_partial_": True,
        **dict(zip(names.values(), settings.whole(*names), strict=True)),
        "fusion": speaker.fusion_node(settings),
        "plain": True,
    }
    weights: Named = {}
    for name, value in _taken(tensors, ("conv.", "blocks.", "deconv.")).items():
        try:
            weights |= _tfgridnet_names({name: value})
        except EinopsError:
            found = f"{name!r} of shape {tuple(value.shape)}"
            raise CheckpointError(tensors.path, found, "another (another architecture?)") from None
    bins = settings["n_fft"] // 2 + 1
    weights |= speaker.fusion(settings, tensors, "spk_fuse", "fusions.0", bins)
    return speaker.transformed(settings, tensors, node, weights)


def _taken(tensors: Tensors, prefixes: Sequence[str]) -> Named:
    return {
        prefix + name: value for prefix in prefixes for name, value in tensors.part(prefix).items()
    }


def _renamed(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _dpccn_names(tensors: Mapping[str, Tensor], blocks: int) -> Named:
    """DPCCN's tensors under our names; `blocks` TCN blocks in each of its layers are one row of
    blocks here."""

    def in_a_row(match: re.Match[str]) -> str:
        return f"tcn.{blocks * int(match[1]) + int(match[2])}."

    def from_zero(match: re.Match[str]) -> str:
        return f".convs.{int(match[1]) - 1}."

    ours = {}
    for name, tensor in tensors.items():
        found = re.sub(r"^tcn_layers\.(\d+)\.(\d+)\.", in_a_row, _renamed(name, DPCCN))
        ours[re.sub(r"\.conv(\d)\.", from_zero, found)] = tensor
    return ours


def _tfgridnet_names(tensors: Mapping[str, Tensor]) -> Named:
    """TFGridNet's tensors under our names: 1×1 convolutions are linear layers, and frequencies
    stand before features. Raises EinopsError for shapes that no layer has."""
    ours = {}
    for name, tensor in tensors.items():
        found = _renamed(name, TFGRIDNET)
        if found.endswith((".attention.norm.weight", ".attention.norm.bias")):
            tensor = rearrange(tensor, "1 n 1 f -> f n")
        elif name.endswith((".gamma", ".beta")):
            tensor = rearrange(tensor, "1 h e 1 f -> h 1 (f e)")
        elif ".attention." in found and tensor.dim() == 4:
            tensor = rearrange(tensor, "o i 1 1 -> o i")
        ours[found] = tensor
    return ours
