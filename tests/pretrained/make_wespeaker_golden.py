"""Writes tests/pretrained/wespeaker/*.json with WeSpeaker's own models and features.

    PYTHONPATH=tests:tests/pretrained python tests/pretrained/make_wespeaker_golden.py CHECKOUT

CHECKOUT is a clone of github.com/wenet-e2e/wespeaker; beside torch it needs torchaudio. Not a test:
run it to add a model, and see that the files of the others stay as they were.
"""

import sys
import types
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from drawing import drawn, waveform
from torchaudio.compliance import kaldi
from wespeaker_golden import DATA, Golden

NARROW = {"feat_dim": 16, "embed_dim": 16}

MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "resnet18": ("resnet", "ResNet18", {**NARROW, "two_emb_layer": True}),
    "resnet18_mqmhastp": ("resnet", "ResNet18", {**NARROW, "pooling_func": "MQMHASTP"}),
    "resnet50_tsdp": ("resnet", "ResNet50", {**NARROW, "pooling_func": "TSDP"}),
    "ecapa_c512": ("ecapa_tdnn", "ECAPA_TDNN_c512", {**NARROW, "pooling_func": "ASTP"}),
    "ecapa_glob_c512": ("ecapa_tdnn", "ECAPA_TDNN_GLOB_c512", {**NARROW, "emb_bn": True}),
    "campplus": ("campplus", "CAMPPlus", {**NARROW, "growth_rate": 8, "init_channels": 16}),
    "redimnet_b0": ("redimnet", "ReDimNetB0", {"feat_dim": 12, "embed_dim": 16}),
    "redimnet_b1": ("redimnet", "ReDimNetB1", {"feat_dim": 24, "embed_dim": 16}),
    "redimnet_b3": (
        "redimnet",
        "ReDimNetB3",
        {"feat_dim": 8, "embed_dim": 16, "pooling_func": "TAP"},
    ),
    "simam_resnet34": (
        "samresnet",
        "SimAM_ResNet34_ASP",
        {"in_planes": 4, "embed_dim": 16, "acoustic_dim": 16},
    ),
}


def wespeaker(checkout: Path) -> None:
    """Make `wespeaker.models` importable without the package's own imports."""
    package = types.ModuleType("wespeaker")
    package.__path__ = [str(checkout / "wespeaker")]
    sys.modules["wespeaker"] = package


@torch.inference_mode()
def golden(module: str, name: str, arguments: dict[str, Any]) -> Golden:
    """The model with drawn weights, on features as wespeaker/cli/speaker.py makes them."""
    model = getattr(import_module(f"wespeaker.models.{module}"), name)(**arguments).eval()
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: drawn(key, shape) for key, shape in shapes.items()})
    features = kaldi.fbank(
        32768.0 * waveform()[None],
        num_mel_bins=arguments.get("feat_dim", arguments.get("acoustic_dim")),
        sample_frequency=16_000,
        window_type="hamming",
    )
    output = model((features - features.mean(dim=0))[None])
    embedding = output[-1] if isinstance(output, tuple) else output
    shapes["projection.weight"] = [3, arguments["embed_dim"]]
    return Golden(name, arguments, shapes, [float(f"{x:.7g}") for x in embedding[0].tolist()])


if __name__ == "__main__":
    wespeaker(Path(sys.argv[1]))
    DATA.mkdir(exist_ok=True)
    for file, described in MODELS.items():
        golden(*described).save(DATA / f"{file}.json")
