"""Fusions that look at the encoder's frames: those of an enrolment, or those of the same moment."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Fusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples


class CrossAttentionFusion(Fusion):
    """Each feature vector looks for what it needs among the `frame_dim` channels of the
    enrolment's frames and of its embedding; what it finds is added. Untrained it adds nothing."""

    def __init__(
        self, feature_dim: int, embedding_dim: int, frame_dim: int, heads: int = 4
    ) -> None:
        super().__init__()
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
        """See Fusion; `features (B, F, N)`. Raises ConfigError for frames of another width."""
        frames, own = encoding.need_frames("fusion")
        frames = frames.transpose(1, 2)
        if frames.shape[2] != self.frame_norm.normalized_shape[0]:
            given = self.frame_norm.normalized_shape[0]
            raise ConfigError("fusion.frame_dim", str(given), f"{frames.shape[2]}, the encoder's")
        speaker = self.of_speaker(self.norm(encoding.embedding)).unsqueeze(1)
        said = torch.cat([speaker, self.of_frames(self.frame_norm(frames.to(speaker.dtype)))], 1)
        mask = F.pad(own, (1, 0), value=True)[:, None, None]
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(features), *said.chunk(2, dim=2))
        )
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        merged: Tensor = self.merge(found.transpose(1, 2).flatten(2))
        return features + merged


class FrameFusion(Fusion):
    """Adds to each feature vector a projection of the encoder's `layer` at that moment of the same
    recording; the layer has `layer_dim` channels. Features come every `hop` Samples, the
    first at the layer's first. Untrained it adds nothing."""

    def __init__(self, feature_dim: int, hop: Samples, layer: str, layer_dim: int) -> None:
        super().__init__()
        self.hop, self.layer = hop, layer
        self.norm = nn.LayerNorm(layer_dim)
        self.project = nn.Linear(layer_dim, feature_dim)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Fusion; `features (B, F, N)`. Raises ConfigError for a layer of another width."""
        layer = encoding.layers[self.layer]
        if layer.features.shape[1] != self.norm.normalized_shape[0]:
            given, own = self.norm.normalized_shape[0], layer.features.shape[1]
            raise ConfigError("fusion.layer_dim", str(given), f"{own}, that of {self.layer}")
        moments = self.at_moments(layer.features, layer.mask, layer.hop, features.shape[1])
        added: Tensor = self.project(self.norm(moments.to(self.project.weight.dtype)))
        return features + added.to(features.dtype)

    def at_moments(self, x: Tensor, mask: Tensor, hop: Samples, count: int) -> Tensor:
        """`x (B, D, F)` every `hop` Samples → `(B, count, D)`: the mean of the frames around each
        of the moments."""
        step = max(1, self.hop // hop)
        weight = mask.unsqueeze(1).to(x.dtype)
        mean, share = (
            F.avg_pool1d(part, step + (step + 1) % 2, 1, step // 2) for part in (x * weight, weight)
        )
        mean = mean / share.clamp(min=1e-3)
        places = torch.arange(count, device=x.device) * self.hop // hop
        return mean[:, :, places.clamp(max=x.shape[2] - 1)].transpose(1, 2)
