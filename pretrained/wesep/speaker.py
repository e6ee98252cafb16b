"""What WeSep's models have of the speaker: the encoder inside, its features, how it conditions."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from joint.encoders.frontends.log_mel import PREEMPHASIS, mel_filters
from joint.errors import CheckpointError
from pretrained.wesep.settings import Settings
from pretrained.wesep.tensors import Named, Tensors
from pretrained.wespeaker import reader as wespeaker

FBANK = {"num_mel_bins": 80, "frame_length": 25, "frame_shift": 10}
"""The features of enrolments where a configuration says nothing else."""
TRANSFORM = 256, 128
"""Sizes of the speaker transform, which no configuration changes."""
FUSIONS = {
    "concat": "ConcatFusion",
    "additive": "AddFusion",
    "multiply": "MultiplyFusion",
    "FiLM": "FilmFusion",
}


def encoder(settings: Settings, tensors: Tensors, grid: tuple[int, int]) -> tuple[Any, Named]:
    """The node and the weights of the speaker encoder; `grid` is the window and the hop of the
    extractor, on which an enrolment's features are computed that come from no data loader.

    Raises CheckpointError.
    """
    settings.need("joint_training", True)
    arguments = settings["spk_args"]
    if not isinstance(arguments, Mapping):
        raise CheckpointError(settings.where("spk_args"), repr(arguments), "keys and values")
    node, ours = wespeaker.encoder_of(
        settings["spk_model"],
        arguments,
        tensors.part("spk_model."),
        tensors.path,
        (settings.where("spk_model"), settings.where("spk_args")),
    )
    settings.need("spk_emb_dim", node["embedding_dim"])
    bins = node["frontend"]["bins"]
    if settings["spk_feat"]:
        for key, expected in {**FBANK, "num_mel_bins": bins}.items():
            settings.need_of_data(
                f"fbank_args.{key}", expected, 80 if key == "num_mel_bins" else expected
            )
    else:
        settings.need("feat_type", "consistent")
        node["frontend"] = _features(tensors, bins, *grid)
    return node, ours


def _features(tensors: Tensors, bins: int, window: int, hop: int) -> dict[str, Any]:
    """The front-end for features that the model computes itself."""
    emphasis = torch.tensor([[[-PREEMPHASIS, 1.0]]])
    tensors.constant("preEmphasis.flipped_filter", emphasis)
    tensors.constant("spk_encoder.spectrogram.window", torch.hamming_window(window))
    tensors.constant("spk_encoder.mel_scale.fb", mel_filters(bins, window))
    name = "joint.encoders.frontends.log_mel.LogMelSpectrogram"
    return {"_target_": name, "bins": bins, "window": window, "hop": hop}


def classifier(settings: Settings, tensors: Tensors) -> list[str]:
    """Take the classifier of the training's speakers, where there is one; gives its names."""
    if not settings["multi_task"]:
        return []
    shape = settings["spksInTrain"], settings["spk_emb_dim"]
    tensors.take("pred_linear.weight", *shape)
    tensors.take("pred_linear.bias", shape[0])
    return ["pred_linear.weight", "pred_linear.bias"]


def fusion_node(settings: Settings, kind: str | None = None) -> dict[str, Any]:
    """The node of the conditioning, of the `kind` that is configured where there is none given.
    Raises CheckpointError for a kind that is unknown."""
    kind = kind or settings.one_of("spk_fuse_type", FUSIONS)
    return {
        "_target_": f"joint.conditioning.fusion.{FUSIONS[kind]}",
        "_partial_": True,
        "norm": False,
    }


def fusion(settings: Settings, tensors: Tensors, theirs: str, ours: str, features: int) -> Named:
    """The weights of one conditioning of `features` on the embedding."""
    kind, size = settings["spk_fuse_type"], settings["spk_emb_dim"]
    return fusion_of(kind, size, tensors, theirs, ours, features)


def fusion_of(
    kind: str, size: int, tensors: Tensors, theirs: str, ours: str, features: int
) -> Named:
    """The weights of a conditioning of `features` on `size` numbers."""
    if kind == "FiLM":
        return {
            **tensors.linear(f"{theirs}.fc.gamma_fcs.0", f"{ours}.gain", features, size),
            **tensors.linear(f"{theirs}.fc.beta_fcs.0", f"{ours}.shift", features, size),
        }
    if kind == "concat":
        found = tensors.linear(f"{theirs}.fc.linear", ours, features, features + size)
        weight = found[f"{ours}.weight"]
        return {
            f"{ours}.of_features.weight": weight[:, :features],
            f"{ours}.of_features.bias": found[f"{ours}.bias"],
            f"{ours}.of_speaker.weight": weight[:, features:],
        }
    name = {"multiply": "gain", "additive": "shift"}[kind]
    return tensors.linear(f"{theirs}.fc.linear", f"{ours}.{name}", features, size)


def transformed(
    settings: Settings, tensors: Tensors, node: dict[str, Any], weights: Mapping[str, Tensor]
) -> tuple[dict[str, Any], Named]:
    """`node` and `weights` of an extractor, behind the speaker transform where there is one."""
    if not settings["use_spk_transform"]:
        return node, dict(weights)
    size, hidden = TRANSFORM
    settings.need("spk_emb_dim", size)
    found = {f"extractor.{name}": value for name, value in weights.items()}
    for place, outputs, inputs in ((0, hidden, size), (1, hidden, hidden), (3, size, hidden)):
        name = f"spk_transform.transforms.{place}"
        found |= tensors.linear(name, f"transform.{place}", outputs, inputs, conv=1)
    target = "tasks.extraction.extractors.speaker_transform.SpeakerTransform"
    return {"_target_": target, "_partial_": True, "extractor": node}, found
