"""WeSpeaker's checkpoints: a folder with `avg_model.pt` and `config.yaml`.

What becomes of one gives the embeddings of WeSpeaker's own extraction: Kaldi's filterbank of 16-bit
samples under a Hamming window, no dither, the mean of each bin taken off. Of a model with two
embedding layers the second one is read, as there.
"""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.foreign import ForeignModel, read_config, read_pickle, renamed
from pretrained.wespeaker import tensors as layout
from pretrained.wespeaker.models import MODELS, POOLINGS, REQUIRED, Architecture

WEIGHTS, CONFIG = "avg_model.pt", "config.yaml"
PLACES = (WEIGHTS, f"models/{WEIGHTS}")
"""Where the weights are: as published, and as a training leaves them."""

REPEATED = re.compile(r".+\.num_batches_tracked|backbone\.inputs_weights\.0|xvector\.stats\..+")
"""Counters, a constant, and a second name for CAM++'s pooling."""
HEAD = "projection."
"""The margin head, which knows the training's speakers."""

EXTRACTION = {
    "frontend": "fbank",
    "resample_rate": 16000,
    "cmvn": True,
    "fbank_args.frame_length": 25,
    "fbank_args.frame_shift": 10,
    "cmvn_args.norm_mean": True,
    "cmvn_args.norm_var": False,
}
"""What `dataset_args` may say of the features; each is the default there."""

FIXED = {"bn_size": 4, "config_str": "batchnorm-relu"}
"""Arguments of CAM++ that no published model changes."""


def recognises(path: Path) -> bool:
    """Whether `path` looks like a WeSpeaker checkpoint: its folder, or the weights themselves."""
    return _weights(path) is not None


def read(path: Path) -> ForeignModel:
    """The encoder of a WeSpeaker checkpoint.

    Raises CheckpointError for files that are missing or broken, for a model or an option that has
    no equal here, and for tensors that do not fit.
    """
    weights = _weights(path) or path / WEIGHTS
    config = weights.with_name(CONFIG)
    if not config.is_file() and weights.parent.name == "models":
        config = weights.parents[1] / CONFIG
    described = read_config(config, "WeSpeaker")
    model, given = described.get("model"), described.get("model_args") or {}
    where = f"{config}: model", f"{config}: model_args"
    architecture = _architecture(model, where[0])
    arguments = _arguments(architecture, given, where[1])
    _check_extraction(described.get("dataset_args") or {}, arguments, architecture, config)
    tensors = read_pickle(weights)
    tensors = tensors.get("state_dict", tensors)
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(weights, f"{name!r}, a {type(value).__name__}", "tensors alone")
    left_out = tuple(name for name in tensors if name.startswith(HEAD))
    kept = {name: value for name, value in tensors.items() if name not in left_out}
    encoder, ours = encoder_of(model, given, kept, weights, where)
    return ForeignModel("WeSpeaker", weights, encoder, ours, left_out)


def encoder_of(
    model: Any, given: Any, tensors: Mapping[str, Tensor], weights: Path, where: tuple[str, str]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The node that builds the encoder called `model` with the arguments `given`, and `tensors`
    under our names; `where` is how messages name the model and its arguments.

    Raises CheckpointError.
    """
    architecture = _architecture(model, where[0])
    arguments = _arguments(architecture, given, where[1])
    encoder = _encoder(architecture, arguments, where[1])
    kept = {name: value for name, value in tensors.items() if not REPEATED.fullmatch(name)}
    ours = layout.laid_out(renamed(kept, architecture.rules, weights), weights)
    pooling = encoder["pooling"]
    if pooling.get("global_context"):
        layout.split_context(ours, weights)
    if "queries" in pooling:
        layout.stack_queries(ours, pooling["queries"], pooling["heads"], weights)
    if arguments.get("emb_bn", architecture.embedding_norm):
        layout.fold_after(ours, weights)
    layout.plain_norm(ours, "second.1")
    return encoder, ours


def _weights(path: Path) -> Path | None:
    if path.is_file():
        return path if path.name == WEIGHTS else None
    return next((path / place for place in PLACES if (path / place).is_file()), None)


def _architecture(name: Any, where: str) -> Architecture:
    if name not in MODELS:
        near = get_close_matches(str(name), MODELS, 3, 0.0)
        raise CheckpointError(where, repr(name), f"one that is known, {_list(near)}")
    return MODELS[name]


def _arguments(architecture: Architecture, given: Any, where: str) -> dict[str, Any]:
    """The constructor's arguments with their defaults."""
    if not isinstance(given, Mapping):
        raise CheckpointError(where, repr(given), "keys and values")
    known = architecture.arguments
    for key, value in given.items():
        if key not in known:
            near = get_close_matches(str(key), known, 1, 0.0)
            raise CheckpointError(f"{where}.{key}", "an unknown key", f"{_list(near)}, perhaps")
        if key in FIXED and value != FIXED[key]:
            raise CheckpointError(f"{where}.{key}", repr(value), repr(FIXED[key]))
    arguments = {**known, **given}
    for key, value in arguments.items():
        if value is REQUIRED:
            raise CheckpointError(where, f"no {key}", "a value for it")
    return arguments


def _check_extraction(
    given: Any, arguments: dict[str, Any], architecture: Architecture, path: Path
) -> None:
    """Features must be those that our front-end makes."""
    (bins,) = (arguments[k] for k, ours in architecture.sizes.items() if ours == "features")
    for key, expected in {**EXTRACTION, "fbank_args.num_mel_bins": bins}.items():
        value = given
        for part in key.split("."):
            value = value.get(part, None) if isinstance(value, Mapping) else None
        if value is not None and value != expected:
            raise CheckpointError(f"{path}: dataset_args.{key}", repr(value), repr(expected))


def _encoder(architecture: Architecture, arguments: dict[str, Any], where: str) -> dict[str, Any]:
    """The node that builds the encoder."""
    pooling = architecture.pooling
    if pooling is None:
        name = arguments["pooling_func"]
        if name not in POOLINGS:
            near = get_close_matches(str(name), POOLINGS, 3, 0.0)
            raise CheckpointError(f"{where}.pooling_func", repr(name), _list(near))
        pooling = POOLINGS[name]
        if "global_context" in pooling:
            pooling = {**pooling, "global_context": architecture.global_context}
    sizes = {ours: arguments[theirs] for theirs, ours in architecture.sizes.items()}
    return {
        "_target_": "joint.encoders.encoder.SpeakerEncoder",
        "frontend": {
            "_target_": "joint.encoders.frontends.filterbank.Filterbank",
            "bins": sizes["features"],
            "window_type": "hamming",
        },
        "backbone": {"_target_": architecture.backbone, **sizes, **architecture.fixed},
        "pooling": {**pooling, "_partial_": True},
        "embedding_dim": arguments["embed_dim"],
        "second_layer": arguments.get("two_emb_layer", False),
        "norm": architecture.norm,
    }


def _list(names: list[str]) -> str:
    return " or ".join(names)
