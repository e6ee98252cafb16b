"""Writes tests/tasks/extraction/wesep/*.json with WeSep's own extractors.

    PYTHONPATH=tests:tests/tasks/extraction/wesep python \
        tests/tasks/extraction/wesep/make_wesep_golden.py CHECKOUT

CHECKOUT is a clone of github.com/wenet-e2e/wesep. Not a test: run it to add a model, and see that
the files of the others stay as they were.
"""

import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from drawing import drawn
from wesep_golden import EMBEDDING, Golden, embedding, every_step, mixture

ALONE = {"joint_training": False, "spk_emb_dim": EMBEDDING}
"""The extractor without WeSep's speaker encoder: it is given an embedding."""

MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "dpccn": ("dpccn", "DPCCN", {}),
    "tfgridnet": (
        "tfgridnet",
        "TFGridNet",
        {
            "n_layers": 2,
            "lstm_hidden_units": 12,
            "attn_n_head": 2,
            "attn_approx_qk_dim": 128,
            "emb_dim": 8,
            "emb_ks": 1,
            "emb_hs": 1,
        },
    ),
    "tfgridnet_windows": (
        "tfgridnet",
        "TFGridNet",
        {
            "n_fft": 64,
            "stride": 32,
            "n_layers": 2,
            "lstm_hidden_units": 12,
            "attn_n_head": 4,
            "attn_approx_qk_dim": 64,
            "emb_dim": 8,
            "emb_ks": 4,
            "emb_hs": 1,
        },
    ),
}

TASNET = {"N": 12, "L": 16, "B": 8, "H": 10, "X": 3, "R": 2, "use_spk_transform": False}
for kind in ("concat", "additive", "multiply", "FiLM"):
    single = {"spk_fuse_type": kind, "encoder_type": None, "decoder_type": None}
    MODELS[f"convtasnet_{kind.lower()}"] = ("convtasnet", "ConvTasNet", TASNET | single)
MODELS["spexplus"] = ("convtasnet", "ConvTasNet", TASNET | {"spk_fuse_type": "concatConv"})


def wesep(checkout: Path) -> None:
    """Make `wesep.models` importable without what its packages import for training."""
    for name in ("wesep", "wesep.models", "wesep.modules", "wesep.modules.common", "wesep.utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(checkout / name.replace(".", "/"))]
        sys.modules[name] = package
    common = sys.modules["wesep.modules.common"]
    norm = import_module("wesep.modules.common.norm")
    common.FiLM, common.select_norm = norm.FiLM, norm.select_norm  # type: ignore[attr-defined]
    for name in ("wespeaker", "wespeaker.models", "wespeaker.models.speaker_model"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["wespeaker.models.speaker_model"].get_speaker_model = None  # type: ignore[attr-defined]
    utils = types.ModuleType("wesep.utils.utils")
    utils.get_layer = lambda name: {"prelu": torch.nn.PReLU}[name]  # type: ignore[attr-defined]
    sys.modules["wesep.utils.utils"] = utils


@torch.inference_mode()
def golden(module: str, name: str, arguments: dict[str, Any]) -> Golden:
    """The model with drawn weights on the drawn mixture."""
    made = getattr(import_module(f"wesep.models.{module}"), name)(**ALONE, **arguments).eval()
    shapes = {key: list(value.shape) for key, value in made.state_dict().items()}
    made.load_state_dict({key: drawn(key, shape) for key, shape in shapes.items()})
    found = made(mixture(), embedding())
    if name == "ConvTasNet":
        # every scale, one behind the other
        scales = found if isinstance(found, list) else [found.squeeze(1)]
        return Golden(name, arguments, shapes, [x for scale in scales for x in every_step(scale)])
    return Golden(name, arguments, shapes, every_step(found[0]))


if __name__ == "__main__":
    wesep(Path(sys.argv[1]))
    for file, described in MODELS.items():
        golden(*described).save(file)
