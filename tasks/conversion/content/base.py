"""Content: what a recording says, frame by frame, for the acoustic model that says it again.

log-mel, waveform, layers of the encoder ──► Content ──► features of each frame, and a loss
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from joint.task import Encode


@dataclass(frozen=True)
class Speech:
    """Recordings whose content is read.

    Shapes: `waveform (B, S)` at the usual level, `lengths (B,)` in Samples; `mel (B, F, MELS)`
    normalised by band, `mask (B, F, 1)`, 0 behind the end. `raised (B, F)` is how far the pitch of
    each frame is to be moved, in ln(Hertz); None: not at all. `encode` is the shared encoder.
    """

    waveform: Tensor
    lengths: Tensor
    mel: Tensor
    mask: Tensor
    raised: Tensor | None = None
    encode: Encode | None = None

    def need_encoder(self, reader: str) -> Encode:
        """`encode`. Raises ConfigError, naming the `reader`, where there is none."""
        if self.encode is None:
            raise ConfigError(reader, "no shared encoder", "one: pass `encode`")
        return self.encode


@dataclass(frozen=True)
class Targets:
    """What a content learns from, in training and validation: `phones (B, F)`, `UNKNOWN` where they
    are; `speakers (B,)`, classes of the training, None for other people; the training's
    `progress`, 0 to 1."""

    phones: Tensor
    speakers: Tensor | None = None
    progress: float = 0.0


@dataclass(frozen=True)
class Read:
    """Of each frame `features (B, F, width)`, float32; the content's own `loss`, None without one
    and without targets; `metrics` are logged."""

    features: Tensor
    loss: Tensor | None = None
    metrics: dict[str, float | Tensor] = field(default_factory=dict)


class Content(nn.Module, ABC):
    """Reads what a recording says, with as little of its speaker as it can.

    A constructor may ask for the numbers of the training's `phones` and of its speakers,
    `speaker_count`. What gradient of the voice reaches a content is its own decision: it detaches
    its features, or not.
    """

    width: int
    """Channels of the features."""
    requires: frozenset[str] = frozenset()
    """Names of the `SceneBatch` fields that its loss reads besides the task's."""
    has_pitch: bool = False
    """Whether the features hold the pitch, moved as `Speech.raised` says: the acoustic model then
    gets no other."""

    @property
    def layers(self) -> frozenset[str]:
        """Names of the shared encoder's layers that it reads."""
        return frozenset()

    def setup(self, corpus: Corpus) -> None:
        """See Task: what no gradient teaches, unless a checkpoint has brought it."""

    @abstractmethod
    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """The content of `speech`, and its loss where there are `targets`."""


def made(content: Callable[..., Content], **known: Any) -> Content:
    """What `content` makes of those of the `known` arguments that it takes."""
    taken = signature(content).parameters
    return content(**{name: value for name, value in known.items() if name in taken})


def instance_normalised(features: Tensor, mask: Tensor) -> Tensor:
    """`features (B, F, D)` with mean 0 and deviation 1 of each channel over the frames of `mask (B,
    F, 1)` of each recording."""
    count = mask.sum(dim=1, keepdim=True).clamp(min=1.0)
    mean = (features * mask).sum(dim=1, keepdim=True) / count
    centred = (features - mean) * mask
    variance = centred.square().sum(dim=1, keepdim=True) / count
    return centred / variance.clamp(min=1e-6).sqrt()
