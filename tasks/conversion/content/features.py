"""FrameFeatures: layers of the shared encoder, or of a network of the task's own, on the frames of
the log-mel spectrogram."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.encoders.frames import frame_counts
from joint.encoders.frontends.filterbank import Frontend
from joint.encoders.frontends.ssl.layers import LAYER, OneLayer
from joint.layers.modes import evaluating
from joint.outputs import Layer
from joint.synthesis.mel import HOP
from tasks.conversion.content.base import Speech

CONTENT = "content"
"""Role of recordings whose content is read from the shared encoder."""


class FrameFeatures(nn.Module, ABC):
    """Of recordings, the features of each frame of the log-mel spectrogram."""

    width: int
    layers: frozenset[str] = frozenset()
    """Names of the shared encoder's layers that it reads."""

    @abstractmethod
    def layer_of(self, speech: Speech, waveform: Tensor) -> Layer:
        """What is read of `waveform (B, S)`, the speech's own or one as long."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the layer is called."""

    def forward(self, speech: Speech, waveform: Tensor | None = None) -> Tensor:
        """`(B, F, width)`, float32, of the speech's frames."""
        layer = self.layer_of(speech, speech.waveform if waveform is None else waveform)
        return at_mel_frames(layer, speech.mask.shape[1])


class EncoderLayer(FrameFeatures):
    """One `layer` of the shared encoder, under the task's switch.

    Raises ConfigError for a layer that the encoder does not have.
    """

    def __init__(self, layer: str, layer_dim: Callable[[str], int]) -> None:
        super().__init__()
        self.layer, self.layers, self.width = layer, frozenset({layer}), layer_dim(layer)

    @property
    def name(self) -> str:
        """See FrameFeatures."""
        return self.layer

    def layer_of(self, speech: Speech, waveform: Tensor) -> Layer:
        """See FrameFeatures."""
        encode = speech.need_encoder("content")
        return encode(waveform, speech.lengths, CONTENT).need_layer(self.layer, "content")


class NetworkLayer(FrameFeatures):
    """A front-end of the task's own, such as one `OneLayer` of a `PretrainedFrontend`; not updated,
    unless it is `trained`."""

    def __init__(self, frontend: Frontend, trained: bool = False) -> None:
        super().__init__()
        self.frontend, self.trained, self.width = frontend, trained, frontend.output_dim
        frontend.requires_grad_(trained)

    @property
    def name(self) -> str:
        """See FrameFeatures."""
        use = getattr(self.frontend, "use", None)
        kind = type(self.frontend).__name__
        return f"{LAYER}{use.position}" if isinstance(use, OneLayer) else kind

    def layer_of(self, speech: Speech, waveform: Tensor) -> Layer:
        """See FrameFeatures."""
        if self.trained:
            return self.frontend(waveform, speech.lengths).layer()
        with torch.no_grad(), evaluating(self.frontend):
            return self.frontend(waveform, speech.lengths).layer()


def at_mel_frames(layer: Layer, count: int) -> Tensor:
    """The layer at the first `count` frames of the log-mel spectrogram, on straight lines between
    its own frames: `(B, count, D)`, float32; before its first and after its last it stays."""
    features = layer.features.float()
    frame = torch.arange(count, device=features.device)
    place = (frame * HOP - layer.offset) / layer.hop
    last = (frame_counts(layer.mask) - 1).clamp(min=0)[:, None]
    place = torch.minimum(place.clamp(min=0.0)[None], last.float())
    left = place.long()
    right = torch.minimum(left + 1, last)
    share = (place - left)[:, None]

    def at(index: Tensor) -> Tensor:
        return features.gather(2, index[:, None].expand(-1, features.shape[1], -1))

    return torch.lerp(at(left), at(right), share).transpose(1, 2)
