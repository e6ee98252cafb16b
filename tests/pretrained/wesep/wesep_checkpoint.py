"""Golden outputs of WeSep: weights and waveforms that rules draw, and the waveform WeSep extracts.

Beside the tests lie, of each model, the names and shapes of its tensors and what it gives.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drawing import drawn, waveform
from omegaconf import OmegaConf
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

DATA = Path(__file__).parent / "golden"
RATE = 16_000


@dataclass(frozen=True)
class Golden:
    """A model, the shapes of its tensors and what it extracts from `mixture()`."""

    model: str
    model_args: dict[str, Any]
    shapes: dict[str, list[int]]
    extracted: Tensor

    @classmethod
    def load(cls, name: str) -> "Golden":
        """What `save` wrote."""
        with safe_open(DATA / f"{name}.safetensors", "pt") as file:
            described = json.loads(file.metadata()["golden"])
            return cls(**described, extracted=file.get_tensor("extracted"))

    def save(self, name: str) -> None:
        """Write it."""
        described = {key: value for key, value in vars(self).items() if key != "extracted"}
        header = {"golden": json.dumps(described)}
        save_file({"extracted": self.extracted}, DATA / f"{name}.safetensors", header)

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {name: self.tensor(name, shape) for name, shape in self.shapes.items()}

    def tensor(self, name: str, shape: list[int]) -> Tensor:
        """A drawn tensor, or one of the constants that WeSep's files hold beside the weights."""
        if name == "preEmphasis.flipped_filter":
            return torch.tensor([[[-0.97, 1.0]]])
        if name.startswith("spk_encoder."):
            return mel_layer(self.model_args).state_dict()[name.removeprefix("spk_encoder.")]
        return drawn(name, shape)


def mel_layer(arguments: dict[str, Any]) -> torch.nn.Module:
    """The layer of torchaudio that WeSep computes an enrolment's features with."""
    from torchaudio.transforms import MelSpectrogram

    window, hop = (arguments.get(k, arguments.get(o)) for k, o in (("win", "n_fft"), ("stride", 0)))
    return MelSpectrogram(
        sample_rate=RATE,
        n_fft=window,
        win_length=window,
        hop_length=hop,
        f_min=20,
        window_fn=torch.hamming_window,
        n_mels=arguments["spk_args"]["feat_dim"],
    )


def bins_of(arguments: dict[str, Any]) -> int:
    """Mel bands of an enrolment's features."""
    sizes = arguments.get("spk_args") or {}
    return int(sizes.get("feat_dim", sizes.get("acoustic_dim", 80)))


def mixture() -> Tensor:
    """Two gliding voices in noise, 0.4 s of an odd length: `(S,)`."""
    return 0.6 * waveform()[:6401] + 0.4 * waveform().flip(0)[:6401]


def enrolment() -> Tensor:
    """One gliding voice, 0.7 s: `(S,)`."""
    return waveform()[3000:14_200]


def published(golden: Golden, folder: Path, **config: Any) -> Path:
    """The files of a checkpoint; `config` replaces keys of its configuration."""
    folder.mkdir(exist_ok=True)
    torch.save({"models": [golden.tensors()]}, folder / "avg_model.pt")
    bins = bins_of(golden.model_args)
    described = {
        "model": {"tse_model": golden.model},
        "model_args": {"tse_model": golden.model_args},
        "dataset_args": {"resample_rate": RATE, "fbank_args": {"num_mel_bins": bins}},
    }
    OmegaConf.save(OmegaConf.create(described | config), folder / "config.yaml")
    return folder
