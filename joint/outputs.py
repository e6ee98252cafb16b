"""What an encoder and a task give back: named, never a bare tuple."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from joint.errors import ConfigError

RECORDING = "an enrolment's recording, which joint enroll --keep-audio stores too"


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
    """The shared encoder's output for each recording.

    Shapes: `embedding (B, E)`, `frames (B, D, F)`, `frame_mask (B, F)`, `waveform (B, S)`,
    `lengths (B,)` in Samples; `layers` holds the intermediate layers that were asked for. Of a
    speaker who is known by an embedding kept from before there is the embedding alone; the rest is
    None. `similarity` is a task's own measurement: how similar each window of a mixture is to the
    speaker, `(B, 2, windows)` on the mixture's time; see LocalSimilarity. `mixture` is what the
    encoder makes of the mixtures that the speakers are looked for in, where an extractor asks for
    it.
    """

    embedding: Tensor
    frames: Tensor | None = None
    frame_mask: Tensor | None = None
    waveform: Tensor | None = None
    lengths: Tensor | None = None
    layers: dict[str, Layer] = field(default_factory=dict)
    similarity: Layer | None = None
    mixture: "SpeakerEncoding | None" = None

    def detached(self) -> "SpeakerEncoding":
        """The same encoding without gradient."""
        layers = {n: replace(x, features=x.features.detach()) for n, x in self.layers.items()}
        frames = None if self.frames is None else self.frames.detach()
        return replace(self, embedding=self.embedding.detach(), frames=frames, layers=layers)

    def need_frames(self, reader: str) -> tuple[Tensor, Tensor]:
        """`frames` and `frame_mask`. Raises ConfigError, naming the `reader`, where there are
        none."""
        if self.frames is None or self.frame_mask is None:
            raise ConfigError(reader, "a kept embedding without frames", RECORDING)
        return self.frames, self.frame_mask

    def need_layer(self, name: str, reader: str) -> Layer:
        """The intermediate layer called `name`. Raises ConfigError, naming the `reader`, where it
        was not asked for, or is not known."""
        if self.frames is None:
            raise ConfigError(reader, "a kept embedding without layers", RECORDING)
        if name not in self.layers:
            found = f"layers {', '.join(self.layers)}" if self.layers else "no layer"
            raise ConfigError(reader, found, f"the encoder's layer {name}, which must be asked for")
        return self.layers[name]

    def need_recording(self, reader: str) -> tuple[Tensor, Tensor]:
        """`waveform` and `lengths`. Raises ConfigError, naming the `reader`, where there are
        none."""
        if self.waveform is None or self.lengths is None:
            raise ConfigError(reader, "a kept embedding without its recording", RECORDING)
        return self.waveform, self.lengths


@dataclass
class TaskOutput:
    """A task's loss on one batch: `loss` is the *mean* over `count` items; `metrics` are logged.

    The mean and the count travel apart, so that losses are normalised over the global batch. A mean
    over nothing, which torch gives as NaN, counts as 0.
    """

    loss: Tensor
    count: int
    metrics: dict[str, float | Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count == 0:
            self.loss = 0.0 * self.loss.nan_to_num()

    @classmethod
    def empty(cls, reached: Iterable[Tensor]) -> "TaskOutput":
        """The loss 0 of nothing, with a gradient of 0 for each of `reached`: parallel processes
        must have gradients of the same parameters."""
        return cls(0.0 * torch.stack([tensor.sum() for tensor in reached]).sum(), 0)

    def logged(self, task: str, kind: str = "") -> dict[str, float]:
        """Loss and metrics as plain numbers, by `task/name`, each name behind `kind`."""
        values = {"loss": self.loss, **self.metrics}
        return {
            f"{task}/{kind}{name}": float(v.detach()) if isinstance(v, Tensor) else v
            for name, v in values.items()
        }
