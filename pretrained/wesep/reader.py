"""WeSep's checkpoints (Wang et al., Interspeech 2024): a folder with `avg_model.pt` and
`config.yaml`, for the extraction of an enrolled speaker, the speaker encoder included.

What becomes of one extracts what WeSep's own inference does, but for the dither that it adds to
enrolments, and for the output's level: that in the mixture, where WeSep scales the largest sample
to 0.9.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.foreign import ForeignModel, read_config, read_pickle
from pretrained.wesep import bsrnn, speaker, spectral, spex_speaker, tasnet
from pretrained.wesep.settings import Settings
from pretrained.wesep.tensors import Named, Tensors

CONFIG = "config.yaml"
PLACES = ("avg_model.pt", "models/avg_best_model.pt", "models/avg_model.pt")
"""Where the weights are: as published, and as a training leaves them."""
TASK = "extraction"
OPTIMIZED = ("optimizers", "schedulers", "scaler")


Read = Callable[[Settings, Tensors], tuple[dict[str, Any], Named]]
"""Takes tensors, gives a configuration node and weights under our names."""


@dataclass(frozen=True)
class Kind:
    """A model: its arguments with their defaults; how its encoder and its extractor are read."""

    defaults: Mapping[str, Any]
    encoder: Read
    extractor: Read


BSRNN = Kind(bsrnn.DEFAULTS, bsrnn.encoder, bsrnn.extractor)
MODELS = {
    "BSRNN": BSRNN,
    "BSRNN_Multi": BSRNN,
    "BSRNN_Feats": Kind(bsrnn.FEATS_DEFAULTS, bsrnn.encoder, bsrnn.extractor),
    "DPCCN": Kind(spectral.DPCCN_DEFAULTS, spectral.dpccn_encoder, spectral.dpccn),
    "TFGridNet": Kind(spectral.TFGRIDNET_DEFAULTS, spectral.tfgridnet_encoder, spectral.tfgridnet),
    "ConvTasNet": Kind(tasnet.DEFAULTS, spex_speaker.encoder, tasnet.extractor),
}


def recognises(path: Path) -> bool:
    """Whether `path` is a WeSep checkpoint: its folder or its weights, beside a configuration that
    names a `tse_model`."""
    weights = _weights(path)
    if weights is None or not (config := _config(weights)).is_file():
        return False
    try:
        return "tse_model" in _mapping(read_config(config, "WeSep").get("model"))
    except CheckpointError:
        return False


def read(path: Path) -> ForeignModel:
    """The encoder and the extraction task of a WeSep checkpoint.

    Raises CheckpointError for files that are missing or broken, for a model or an option that has
    no equal here, and for tensors that are missing, misshapen or left over.
    """
    weights = _weights(path) or path / PLACES[0]
    config = _config(weights)
    described = read_config(config, "WeSep")
    name = _mapping(described.get("model")).get("tse_model")
    if name not in MODELS:
        near = " or ".join(get_close_matches(str(name), MODELS, 3, 0.0))
        raise CheckpointError(f"{config}: model.tse_model", repr(name), near)
    kind = MODELS[name]
    given = _mapping(described.get("model_args")).get("tse_model")
    settings = Settings(config, given, described.get("dataset_args"), kind.defaults)
    settings.need_rate()
    states, left_out = _states(weights)
    tensors = Tensors(states, weights)
    encoder, ours = kind.encoder(settings, tensors)
    extractor, extracting = kind.extractor(settings, tensors)
    left_out += speaker.classifier(settings, tensors)
    tensors.finish()
    frozen = _mapping(given).get("spk_model_freeze") is True
    task = {
        "weight": 1.0,
        "encoder": "frozen" if frozen else "joint",
        "task": {
            "_target_": "tasks.extraction.task.ExtractionTask",
            "extractor": extractor,
            # its losses leave the scale free: WeSep's own inference sets it anew
            "match_level": True,
        },
    }
    return ForeignModel(
        "WeSep",
        weights,
        encoder,
        ours,
        tuple(left_out),
        {TASK: task},
        {f"{TASK}.extractor.{key}": value for key, value in extracting.items()},
    )


def _weights(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix == ".pt" else None
    return next((path / place for place in PLACES if (path / place).is_file()), None)


def _config(weights: Path) -> Path:
    beside = weights.with_name(CONFIG)
    if not beside.is_file() and weights.parent.name == "models":
        return weights.parents[1] / CONFIG
    return beside


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _states(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of the extractor, and what the file holds besides: the discriminator of a
    training with one, states of optimizers."""
    content = read_pickle(path)
    left_out = [key for key in OPTIMIZED if content.get(key)]
    states = content.get("models", [content])
    if not (isinstance(states, list) and states and isinstance(states[0], dict)):
        raise CheckpointError(path, "no tensors under 'models'", "a checkpoint of WeSep")
    if len(states) > 1:
        left_out.append("discriminator")
    tensors = states[0]
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(path, f"{name!r}, a {type(value).__name__}", "tensors alone")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors, left_out
