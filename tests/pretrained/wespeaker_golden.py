"""Golden outputs of WeSpeaker: weights and a waveform that a rule draws, not a file holds.

A tensor's numbers depend on its name and shape alone, so that the data beside the tests is names,
shapes and one embedding.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drawing import drawn
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
