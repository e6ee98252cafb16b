"""Golden outputs of WeSpeaker: weights and a waveform that a rule draws, not a file holds.

A tensor's numbers depend on its name and shape alone, so that the data beside the tests is names,
shapes and one embedding.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor

DATA = Path(__file__).parent / "wespeaker"


@dataclass(frozen=True)
class Golden:
    """A model, the shapes of its tensors and what it gives for `waveform()`."""

    model: str
    model_args: dict[str, Any]
    shapes: dict[str, list[int]]
    embedding: list[float]

    @classmethod
    def load(cls, path: Path) -> "Golden":
        """What `save` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self, path: Path) -> None:
        """Write it, a tensor a line."""
        parts = {name: json.dumps(value) for name, value in vars(self).items()}
        parts["shapes"] = parts["shapes"].replace("], ", "],\n")
        lines = ",\n".join(f'"{name}": {value}' for name, value in parts.items())
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")

    def tensors(self) -> dict[str, Tensor]:
        """The weights."""
        return {name: drawn(name, shape) for name, shape in self.shapes.items()}


def published(golden: Golden, folder: Path, **config: Any) -> Path:
    """The files of a checkpoint; `config` replaces keys of its configuration."""
    folder.mkdir(exist_ok=True)
    torch.save(golden.tensors(), folder / "avg_model.pt")
    described = {"model": golden.model, "model_args": golden.model_args} | config
    OmegaConf.save(OmegaConf.create(described), folder / "config.yaml")
    return folder


def drawn(name: str, shape: list[int]) -> Tensor:
    """The tensor of this name: normal from a legacy NumPy stream seeded with the name's CRC-32, as
    wide as keeps the layers' outputs near 1; norms near 1 and 0; variances uniform in 0.5 to 1.5;
    counters 1."""
    stream = np.random.RandomState(zlib.crc32(name.encode()))  # its streams never change
    if not shape:
        return torch.tensor(1)
    if name.endswith("running_var"):
        return torch.from_numpy(stream.uniform(0.5, 1.5, shape)).float()
    if len(shape) == 1:
        offset = 1.0 if name.endswith("weight") else 0.0
        return torch.from_numpy(offset + 0.2 * stream.standard_normal(shape)).float()
    spread = np.sqrt(1.5 / np.prod(shape[1:]))
    return torch.from_numpy(spread * stream.standard_normal(shape)).float()


def waveform() -> Tensor:
    """A gliding voice in noise, 1.2 s at 16 kHz: `(S,)`."""
    time = np.arange(19_200) / 16_000
    phase = 2.0 * np.pi * (120.0 * time + 30.0 * time**2)
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (1.0 + np.sin(9.0 * time))
    noise = np.random.RandomState(0).standard_normal(len(time))
    return torch.from_numpy(0.1 * voice + 0.01 * noise).float()
