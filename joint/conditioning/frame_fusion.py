"""Fusions that look at the encoder's frames: those of an enrolment, or those of the same moment."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.encoders.frames import Frames
from joint.errors import ConfigError
from joint.outputs import Layer, SpeakerEncoding


class CrossAttentionFusion(Conditioning):
    """Each feature vector attends to the enrolment's frames, of `frame_dim` channels, and to its
    embedding: the contextual cue of Zhang et al., "Multi-Level Speaker Representation for Target
    Speaker Extraction", ICASSP 2025. The result is added to the features, or is their gain
    (`multiply`), as in the paper. Untrained it changes nothing. It needs an enrolment by
    recordings.

    `layer` names the encoder's intermediate layer that is attended to, in place of its frames;
    `layer_dim` gives that layer's channels, or they are `frame_dim`.

    Raises ConfigError for a layer that the encoder does not have, with those it has, and for heads
    that do not divide the features.
    """

    def __init__(
        self,
        feature_dim: int,
        embedding_dim: int,
        frame_dim: int,
        heads: int = 4,
        layer: str | None = None,
        layer_dim: Callable[[str], int] | None = None,
        multiply: bool = False,
    ) -> None:
        super().__init__()
        if layer is not None:
            frame_dim = frame_dim if layer_dim is None else layer_dim(layer)
            self.layers = frozenset({layer})
        self.layer, self.multiply = layer, multiply
        self.norm = nn.LayerNorm(embedding_dim)
        if feature_dim % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {feature_dim} features")
        self.heads = heads
        self.frame_norm = nn.LayerNorm(frame_dim)
        self.query = nn.Linear(feature_dim, feature_dim)
        self.of_frames = nn.Linear(frame_dim, 2 * feature_dim)
        self.of_speaker = nn.Linear(embedding_dim, 2 * feature_dim)
        self.merge = nn.Linear(feature_dim, feature_dim)
        nn.init.zeros_(self.merge.weight)
        nn.init.zeros_(self.merge.bias)

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning; every vector of `features (B, …, N)` attends by itself. Raises
        ConfigError for other widths of frames, and for an encoding without them."""
        frames, own = self.attended(encoding)
        speaker = self.of_speaker(self.norm(encoding.embedding)).unsqueeze(1)
        keys = torch.cat([speaker, self.of_frames(self.frame_norm(frames.to(speaker.dtype)))], 1)
        mask = F.pad(own, (1, 0), value=True)[:, None, None]
        query, key, value = (
            rearrange(part, "b f (h n) -> b h f n", h=self.heads)
            for part in (self.query(features.flatten(1, -2)), *keys.chunk(2, dim=2))
        )
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        merged: Tensor = self.merge(rearrange(attended, "b h f n -> b f (h n)"))
        merged = merged.view_as(features)
        return torch.addcmul(features, features, merged) if self.multiply else features + merged

    def attended(self, encoding: SpeakerEncoding) -> tuple[Tensor, Tensor]:
        """What is attended to, `(B, F, frame_dim)`, and its mask `(B, F)`."""
        if self.layer is None:
            frames, own = encoding.need_frames("fusion")
        else:
            layer = encoding.need_layer(self.layer, "fusion")
            frames, own = layer.features, layer.mask
        given, found = self.frame_norm.normalized_shape[0], frames.shape[1]
        if found != given:
            raise ConfigError("fusion.frame_dim", str(given), f"{found}, the encoder's")
        return frames.transpose(1, 2), own


class FrameFusion(nn.Module):
    """Adds to each frame a projection of the encoder's `layer`, of `layer_dim` channels, or of as
    many as a function `layer_dim` gives for its name, at that moment of the same recording.
    Untrained it adds nothing."""

    def __init__(self, feature_dim: int, layer: str, layer_dim: int | Callable[[str], int]) -> None:
        super().__init__()
        self.layer = layer
        width = layer_dim(layer) if callable(layer_dim) else layer_dim
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, feature_dim)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, frames: Frames, encoding: SpeakerEncoding) -> Frames:
        """`frames` of `feature_dim` → the same. Raises ConfigError for a layer of another width."""
        layer = encoding.layers[self.layer]
        if layer.features.shape[1] != self.norm.normalized_shape[0]:
            given, own = self.norm.normalized_shape[0], layer.features.shape[1]
            raise ConfigError("fusion.layer_dim", str(given), f"{own}, that of {self.layer}")
        moments = at_frames(layer, frames).to(self.project.weight.dtype)
        added: Tensor = self.project(self.norm(moments))
        return frames.with_features(frames.features + added.to(frames.features.dtype))


def at_frames(layer: Layer, frames: Frames) -> Tensor:
    """For each of the `frames` the mean of the layer's frames around its centre, as many as a hop
    of the `frames` has: `(B, F, D)`."""
    step = max(1, frames.hop // layer.hop)
    weight = layer.mask.unsqueeze(1).to(layer.features.dtype)
    mean, share = (
        F.avg_pool1d(part, step + (step + 1) % 2, 1, step // 2)
        for part in (layer.features * weight, weight)
    )
    mean = mean / share.clamp(min=1e-3)
    count = frames.features.shape[1]
    centres = frames.offset + frames.hop * torch.arange(count, device=mean.device)
    nearest = (2 * (centres - layer.offset) + layer.hop) // (2 * layer.hop)
    return mean[:, :, nearest.clamp(0, mean.shape[2] - 1)].transpose(1, 2)
