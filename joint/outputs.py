"""What an encoder and a task give back: named, never a bare tuple."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """One intermediate representation of the encoder.

    Shapes: `features (B, D, F)`, `mask (B, F)` (True where the recording has a frame).
    Frame f is centred on sample `offset + f * hop` (both in Samples).
    """

    features: Tensor
    mask: Tensor
    hop: int
    offset: int


@dataclass(frozen=True)
class SpeakerEncoding:
    """What the shared encoder says about the person in each recording.

    Shapes: `embedding (B, E)`, `frames (B, D, F)`, `frame_mask (B, F)`, `waveform (B, S)`,
    `lengths (B,)` in Samples; `layers` holds the intermediate layers that were asked for.
    """

    embedding: Tensor
    frames: Tensor
    frame_mask: Tensor
    waveform: Tensor
    lengths: Tensor
    layers: dict[str, Layer] = field(default_factory=dict)


@dataclass
class TaskOutput:
    """A task's loss on one batch: `loss` is the *mean* over `count` items; `metrics` are logged.

    The mean and the count travel apart, so that losses are normalised over the global batch.
    """

    loss: Tensor
    count: int
    metrics: dict[str, float | Tensor] = field(default_factory=dict)

    def detached_metrics(self) -> dict[str, float]:
        """Metrics as plain numbers."""
        return {
            name: float(value.detach()) if isinstance(value, torch.Tensor) else value
            for name, value in self.metrics.items()
        }
