"""Golden outputs of WeSep's extractors: weights, a mixture and an embedding that rules draw."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from drawing import drawn, waveform
from torch import Tensor

DATA = Path(__file__).parent
EMBEDDING = 12
SAMPLES, STEP = 6400, 8
"""The mixture's Samples; an estimate is kept every `STEP` of them."""


@dataclass(frozen=True)
class Golden:
    """An extractor of WeSep, its arguments, the shapes of its tensors and what it gives for
    `mixture()` and `embedding()`, every `STEP` Samples."""

    model: str
    arguments: dict[str, Any]
    shapes: dict[str, list[int]]
    estimate: list[float]

    @classmethod
    def load(cls, name: str) -> "Golden":
        """What `save` wrote."""
        return cls(**json.loads((DATA / f"{name}.json").read_text(encoding="utf-8")))

    def save(self, name: str) -> None:
        """Write it, a tensor a line."""
        parts = {key: json.dumps(value) for key, value in vars(self).items()}
        parts["shapes"] = parts["shapes"].replace("], ", "],\n")
        lines = ",\n".join(f'"{key}": {value}' for key, value in parts.items())
        (DATA / f"{name}.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")

    def tensors(self) -> dict[str, Tensor]:
        """The weights, under WeSep's names."""
        return {name: drawn(name, shape) for name, shape in self.shapes.items()}


def mixture() -> Tensor:
    """`(1, SAMPLES)`: the voice of `waveform` and the same voice later, faster."""
    voice = waveform()
    return (voice[:SAMPLES] + 0.7 * voice[2::3][:SAMPLES].flip(0).roll(500))[None]


def embedding() -> Tensor:
    """`(1, EMBEDDING)`, around 1, as the gain of a multiplication is."""
    return 1.0 + drawn("embedding", [1, EMBEDDING])


def every_step(estimate: Tensor) -> list[float]:
    """An estimate `(1, SAMPLES)` as a golden file keeps it."""
    return [float(f"{x:.7g}") for x in estimate[0, ::STEP].tolist()]


def expected(golden: Golden) -> Tensor:
    """The kept samples."""
    return torch.tensor(golden.estimate)
