"""The contextual cue of WeSep's BSRNN_Feats: attention to frames of the speaker encoder, and the
expected spectrum that comes of them."""

from typing import Any

from joint.errors import CheckpointError
from pretrained.wesep import speaker
from pretrained.wesep.settings import Settings
from pretrained.wesep.tensors import Named, Tensors

PREFIX = "cross_"
LAYER, LAYER_DIM = "block3", 512
"""The frames that are attended to: of ECAPA's last block, of 512 channels."""
KINDS = ("cross_concat", "cross_additive", "cross_multiply")
MODELS = ("ECAPA_TDNN_c512", "ECAPA_TDNN_GLOB_c512")


def attends(settings: Settings) -> bool:
    """Whether the conditioning is one on frames. Raises CheckpointError for one without an equal
    here: WeSep itself cannot run it at several blocks, or behind a transform."""
    crossed = str(settings["spk_fuse_type"]).startswith(PREFIX)
    if crossed:
        settings.one_of("spk_fuse_type", KINDS)
        settings.one_of("spk_model", MODELS)
        settings.need("multi_fuse", False)
        settings.need("use_spk_transform", False)
    elif settings.values.get("spectral_feat") == "tfmap_emb":
        found = repr(settings["spk_fuse_type"])
        raise CheckpointError(settings.where("spk_fuse_type"), found, " or ".join(KINDS))
    return crossed


def frontend(settings: Settings, bins: int, window: int, hop: int) -> dict[str, Any]:
    """The node of the features that frames on the extractor's grid come from."""
    if bins != 80:
        raise CheckpointError(settings.where("spk_args.feat_dim"), repr(bins), "80")
    name = "joint.encoders.frontends.centred.CentredFilterbank"
    return {"_target_": name, "bins": bins, "window": window, "hop": hop}


def node(settings: Settings) -> dict[str, Any]:
    """The node of the conditioning."""
    kind = settings["spk_fuse_type"].removeprefix(PREFIX)
    return {
        "_target_": "joint.conditioning.context.ContextFusion",
        "_partial_": True,
        "layer": LAYER,
        "layer_dim": LAYER_DIM,
        "fusion": speaker.fusion_node(settings, kind),
    }


def weights(settings: Settings, tensors: Tensors, theirs: str, ours: str, features: int) -> Named:
    """The weights of the conditioning."""
    kind = settings["spk_fuse_type"].removeprefix(PREFIX)
    attention, here = "separator.attenFuse.1.multihead_attn", f"{ours}.attention"
    found = tensors.linear("separator.attenFuse.0", f"{ours}.frames", features, LAYER_DIM)
    found |= tensors.linear(f"{attention}.out_proj", f"{here}.out_proj", features, features)
    weight, bias = f"{attention}.in_proj_weight", f"{attention}.in_proj_bias"
    found[f"{here}.in_proj_weight"] = tensors.take(weight, 3 * features, features)
    found[f"{here}.in_proj_bias"] = tensors.take(bias, 3 * features)
    return found | speaker.fusion_of(kind, features, tensors, theirs, f"{ours}.fusion", features)
