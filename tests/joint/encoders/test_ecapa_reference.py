"""ECAPA-TDNN gives speechbrain's embedding on speechbrain's weights."""

import re

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from tiny_models import randomise
from torch import Tensor

from joint.encoders.ecapa import EcapaTdnn
from joint.encoders.encoder import SpeakerEncoder
from joint.encoders.frames import Frames
from joint.encoders.frontends import Filterbank
from joint.encoders.pooling import AttentiveStatisticsPooling

NAMES = (
    (r"\.(conv|norm|conv1|conv2)\.(conv|norm)\.", r".\1."),  # speechbrain wraps torch's layers
    (r"^blocks\.0\.", "backbone.input."),
    (r"^blocks\.(\d)\.tdnn1\.", r"backbone.blocks.\1.expand."),
    (r"^blocks\.(\d)\.tdnn2\.", r"backbone.blocks.\1.merge."),
    (r"^blocks\.(\d)\.res2net_block\.", r"backbone.blocks.\1.res2."),
    (r"^blocks\.(\d)\.se_block\.conv1\.", r"backbone.blocks.\1.gate.squeeze."),
    (r"^blocks\.(\d)\.se_block\.conv2\.", r"backbone.blocks.\1.gate.excite."),
    (r"^mfa\.conv\.", "backbone.aggregate."),
    (r"^asp\.tdnn\.norm\.", "pooling.norm."),
    (r"^asp\.conv\.(conv\.)?", "pooling.attention."),
    (r"^asp_bn\.norm\.", "norm."),
    (r"^fc\.conv\.", "projection."),
)
LINEAR = ("squeeze.", "excite.", "attention.", "projection.")


def renamed(name: str) -> str:
    """Our name of a tensor of speechbrain's."""
    for pattern, ours in NAMES:
        name = re.sub(pattern, ours, name)
    # its first SE-Res2 block is the second of its blocks
    return re.sub(r"^backbone\.blocks\.(\d)", lambda m: f"backbone.blocks.{int(m[1]) - 1}", name)


def converted(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """speechbrain's state under our names.

    Its aggregation ends in a batch norm, y = a·x + b, which ours has not. The attention's first
    layer, the statistics and the norm after them are where y is read: a and b go in there.
    """
    ours = {renamed(n): v for n, v in state.items() if not n.startswith(("mfa.norm", "asp.tdnn.c"))}
    for name, value in ours.items():
        if name.endswith("weight") and any(part in name for part in LINEAR):
            ours[name] = value.squeeze(-1)
    norm = {n.rsplit(".", 1)[1]: v for n, v in state.items() if n.startswith("mfa.norm")}
    a = norm["weight"] / (norm["running_var"] + 1e-5).sqrt()
    b = norm["bias"] - a * norm["running_mean"]
    weight = state["asp.tdnn.conv.conv.weight"].squeeze(-1)
    frame, mean, deviation = weight.chunk(3, dim=1)
    ours["pooling.frame.weight"] = frame * a
    ours["pooling.frame.bias"] = state["asp.tdnn.conv.conv.bias"] + (frame + mean) @ b
    ours["pooling.context.weight"] = torch.cat([mean * a, deviation * a.abs()], dim=1)
    scale, shift = torch.cat([a, a.abs()]), torch.cat([b, torch.zeros_like(b)])
    ours["norm.running_mean"] = ours["norm.running_mean"] - shift
    ours["norm.weight"] = ours["norm.weight"] * scale
    ours["norm.running_mean"] = ours["norm.running_mean"] / scale
    return ours


def test_equal_to_speechbrain() -> None:
    torch.manual_seed(0)
    theirs = ECAPA_TDNN(80, lin_neurons=192, channels=[512, 512, 512, 512, 1536])
    randomise(theirs)
    theirs.eval()
    with torch.no_grad():
        # channels that are 0 in every frame would show that the two floor a variance differently
        theirs.mfa.conv.conv.bias += 1.0
    backbone = EcapaTdnn(80, 512, padding="reflect")
    ours = SpeakerEncoder(Filterbank(80), backbone, AttentiveStatisticsPooling, 192).eval()
    state = converted(theirs.state_dict())
    state |= {n: v for n, v in ours.state_dict().items() if n.startswith("frontend.")}
    ours.load_state_dict(state)
    features = torch.randn(3, 61, 80)
    with torch.no_grad():
        expected = theirs(features).squeeze(1)
        frames, _ = ours.backbone(Frames(features, None))
        embedding = ours.projection(ours.norm(ours.pooling(frames)))
    torch.testing.assert_close(embedding, expected, atol=1e-5, rtol=1e-4)
    assert expected.std() > 0.1
