"""Reader of Resemblyzer's encoder: the GE2E d-vector in its file `pretrained.pt`.

Resemblyzer trims silence before encoding; that is preprocessing and no part of the encoder.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from joint.errors import CheckpointError
from pretrained.foreign import ForeignModel, read_pickle, renamed

FILE = "pretrained.pt"
STATE = "model_state"
INPUT, OUTPUT = "lstm.weight_ih_l0", "linear.weight"
SIMILARITY = ("similarity_weight", "similarity_bias")
"""Scale and offset of the training's loss, which the encoder does not need."""
NAMES = (
    (r"lstm\.(weight|bias)_(ih|hh)_l(\d+)", r"backbone.lstms.\3.\1_\2_l0"),
    (r"linear\.(weight|bias)", r"projection.\1"),
)


def recognises(path: Path) -> bool:
    """Whether `path` is such a file, or a folder that has one."""
    try:
        state = read_pickle(_file(path)).get(STATE)
    except CheckpointError:
        return False
    return isinstance(state, dict) and {INPUT, OUTPUT} <= state.keys()


def read(path: Path) -> ForeignModel:
    """The encoder of a file, or of the one in a folder. Raises CheckpointError."""
    path = _file(path)
    content = read_pickle(path)
    state = content.get(STATE)
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise CheckpointError(path, f"no tensors under {STATE!r}", "Resemblyzer's encoder")
    (gates, bins), (embedding_dim, _) = (_shape(state, name, path) for name in (INPUT, OUTPUT))
    weights = {name: value for name, value in state.items() if name not in SIMILARITY}
    encoder: dict[str, Any] = {
        "_target_": "joint.encoders.backbones.dvector.DVectorEncoder",
        "frontend": {"_target_": "joint.encoders.frontends.mel.MelSpectrogram", "bins": bins},
        "backbone": {
            "_target_": "joint.encoders.backbones.dvector.LstmBackbone",
            "features": bins,
            "hidden": gates // 4,
            "layers": sum(name.startswith("lstm.weight_ih_") for name in state),
        },
        "embedding_dim": embedding_dim,
    }
    beside = [name for name in content if name != STATE]
    beside += [name for name in SIMILARITY if name in state]
    tensors = renamed(weights, NAMES, path)
    return ForeignModel("resemblyzer", path, encoder, tensors, tuple(beside))


def _file(path: Path) -> Path:
    return path / FILE if path.is_dir() else path


def _shape(state: dict[str, Tensor], name: str, path: Path) -> tuple[int, int]:
    """The shape of a matrix. Raises CheckpointError where there is none of this name."""
    if name not in state:
        raise CheckpointError(path, f"no tensor {name!r}", "Resemblyzer's encoder")
    if state[name].dim() != 2:
        shape = tuple(state[name].shape)
        raise CheckpointError(path, f"{name!r} of shape {shape}", "a matrix")
    rows, columns = state[name].shape
    return rows, columns
