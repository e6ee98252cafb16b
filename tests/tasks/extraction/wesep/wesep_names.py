"""WeSep's tensors under our names and in our order of axes."""

import re

from einops import rearrange
from torch import Tensor

DPCCN = (
    (r"^conv2d\.", "first."),
    (r"^deconv2d\.", "last."),
    (r"^spk_fuse\.fc\.linear\.", "fusion.gain."),
    (r"\.dconv1\.", ".depthwise."),
    (r"\.dconv2\.", ".pointwise."),
    (r"^avg_pool\.(\d+)\.1\.", r"pooling.linears.\1."),
    (r"^avg_proj\.", "pooling.merge."),
    # a level of one part is a part of its own in WeSep
    (r"^((?:en|de)coder\.\d+)\.(conv)", r"\1.0.\2"),
    (r"\.(?:conv2d|convtrans2d)\.", ".conv."),
)
TFGRIDNET = (
    (r"^spk_fuse\.fc\.linear\.", "fusions.0.gain."),
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


def renamed(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """One name by all rules in turn."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def dpccn(tensors: dict[str, Tensor], blocks: int = 10) -> dict[str, Tensor]:
    """`blocks` TCN blocks in each of WeSep's layers are one row of blocks in ours."""

    def in_a_row(match: re.Match[str]) -> str:
        return f"tcn.{blocks * int(match[1]) + int(match[2])}."

    def from_zero(match: re.Match[str]) -> str:
        return f".convs.{int(match[1]) - 1}."

    ours = {}
    for name, tensor in tensors.items():
        name = re.sub(r"^tcn_layers\.(\d+)\.(\d+)\.", in_a_row, renamed(name, DPCCN))
        ours[re.sub(r"\.conv(\d)\.", from_zero, name)] = tensor
    return ours


def tfgridnet(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """1×1 convolutions are linear layers, and frequencies stand before features."""
    ours = {}
    for name, tensor in tensors.items():
        found = renamed(name, TFGRIDNET)
        if found.endswith((".attention.norm.weight", ".attention.norm.bias")):
            tensor = rearrange(tensor, "1 n 1 f -> f n")
        elif name.endswith((".gamma", ".beta")):
            tensor = rearrange(tensor, "1 h e 1 f -> h 1 (f e)")
        elif ".attention." in found and tensor.dim() == 4:
            tensor = tensor[:, :, 0, 0]
        ours[found] = tensor
    return ours
