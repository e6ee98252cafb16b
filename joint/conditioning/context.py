"""Context: what an enrolment's frames say at each position of the features."""

from collections.abc import Callable

from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, EmbeddingFusion
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding


class ContextFusion(Conditioning):
    """Every feature vector attends to the frames of the encoder's `layer`, of `layer_dim` channels,
    and is fused with what it finds there as with an embedding: the contextual cue of Zhang et al.,
    "Multi-Level Speaker Representation for Target Speaker Extraction", ICASSP 2025, as WeSep has
    it. `CrossAttentionFusion` is the one to train: it begins as the identity.

    `fusion` is called with the features twice. Raises ConfigError for `heads` that do not divide
    the features.
    """

    def __init__(
        self,
        feature_dim: int,
        embedding_dim: int,
        layer: str,
        layer_dim: int,
        fusion: Callable[[int, int], EmbeddingFusion],
        heads: int = 2,
    ) -> None:
        super().__init__()
        if feature_dim % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {feature_dim} features")
        self.layer, self.layers = layer, frozenset({layer})
        self.frames = nn.Linear(layer_dim, feature_dim)
        self.attention = nn.MultiheadAttention(feature_dim, heads, batch_first=True)
        self.fusion = fusion(feature_dim, feature_dim)

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning. Raises ConfigError for an encoding without the layer."""
        layer = encoding.need_layer(self.layer, "fusion")
        frames = self.frames(layer.features.transpose(1, 2).to(self.frames.weight.dtype))
        rows = features.flatten(1, -2)
        context, _ = self.attention(
            rows, frames, frames, key_padding_mask=~layer.mask, need_weights=False
        )
        size = features.shape[-1]
        speaker = self.fusion.norm(context.reshape(-1, size))
        fused: Tensor = self.fusion.fuse(rows.reshape(-1, size), speaker)
        return fused.view_as(features)
