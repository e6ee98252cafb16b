"""Basis vectors: a voice as a weighted sum of learnt ones, so that an unknown voice is within what
the others have taught (Wu et al., "AdaSpeech 4: adaptive text to speech in zero-shot scenarios",
Interspeech 2022)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning, EmbeddingFusion
from joint.errors import ConfigError
from joint.layers.modes import without_gradient
from joint.outputs import SpeakerEncoding


class BasisVectors(nn.Module):
    """The vector extracted from an enrolment, its embedding, attends to basis vectors; what it
    finds is the speaker's representation.

    Args:
        count: Basis vectors, each with a part for every head.
        dim: Channels of the representation. Raises ConfigError unless `heads` divide it.
    """

    def __init__(self, embedding_dim: int, count: int = 64, dim: int = 128, heads: int = 4) -> None:
        super().__init__()
        if dim % heads:
            raise ConfigError("heads", str(heads), f"a divisor of {dim} channels")
        self.norm = nn.LayerNorm(embedding_dim)
        self.query = nn.Linear(embedding_dim, dim)
        self.bases = nn.Parameter(torch.randn(heads, count, dim // heads))
        self.keys = nn.Parameter(torch.empty(heads, dim // heads, dim // heads))
        for head in self.keys.data:
            nn.init.orthogonal_(head)

    def log_weights(self, embedding: Tensor) -> Tensor:
        """Natural logarithm of the weights of the basis vectors: `embedding (B, E)` → `(B, heads,
        count)`, float32."""
        query = self.query(self.norm(embedding)).float().unflatten(1, (len(self.bases), -1))
        keys = self.bases @ self.keys
        scores = torch.einsum("bhd,hnd->bhn", query, keys) / keys.shape[2] ** 0.5
        return scores.log_softmax(dim=2)

    def forward(self, embedding: Tensor) -> Tensor:
        """`embedding (B, E)` → `(B, dim)`."""
        weights = self.log_weights(embedding).exp()
        return torch.einsum("bhn,hnd->bhd", weights, self.bases).flatten(1)

    def divergence(self, made: Tensor, enrolled: Tensor) -> Tensor:
        """Mean over rows and heads of the Kullback-Leibler divergence of the weights for `made
        (B, E)`, the embeddings of synthetic speech, from those for `enrolled (B, E)`: the paper's
        loss on the distribution of basis vectors. Its gradient reaches `made` alone: the bases
        could make all weights alike."""
        target = self.log_weights(enrolled).detach()
        with without_gradient(self.parameters()):
            weights = self.log_weights(made)
        found = F.kl_div(weights, target, reduction="sum", log_target=True)
        return found / target[..., 0].numel()


class ConditionalLayerNorm(Conditioning):
    """A layer norm whose gain and shift are computed from the speaker's representation (Chen et
    al., AdaSpeech, ICLR 2021).

    Args:
        bases: Gives the representation, of `dim` channels.
        owns: Whether the basis vectors are this module's part; they are that of one conditioning
            alone, where several share them.
    """

    def __init__(self, feature_dim: int, bases: BasisVectors, owns: bool = True) -> None:
        super().__init__()
        self._held = (bases,)  # within a tuple torch does not count them as a part
        if owns:
            self.bases = bases
        dim = bases.query.out_features
        self.gain, self.shift = nn.Linear(dim, feature_dim), nn.Linear(dim, feature_dim)
        for part in (self.gain, self.shift):
            nn.init.normal_(part.weight, std=0.02)
            nn.init.zeros_(part.bias)

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning."""
        speaker = self._held[0](encoding.embedding).to(self.gain.weight.dtype)
        gain, shift = (
            EmbeddingFusion.spread(part(speaker), features) for part in (self.gain, self.shift)
        )
        normed = F.layer_norm(features, features.shape[-1:], eps=1e-6)
        return torch.addcmul(shift, normed.to(features.dtype), 1.0 + gain)


class BasisFusion(nn.Module):
    """Makes the conditionings of one task: conditional layer norms that share basis vectors. It is
    the `fusion` itself, without `_partial_`.

    Args:
        count, dim, heads: See BasisVectors.
    """

    def __init__(self, embedding_dim: int, count: int = 64, dim: int = 128, heads: int = 4) -> None:
        super().__init__()
        self.bases, self.made = BasisVectors(embedding_dim, count, dim, heads), 0

    def forward(self, feature_dim: int, embedding_dim: int) -> ConditionalLayerNorm:
        """A conditioning of features of a width; the first one owns the basis vectors."""
        self.made += 1
        return ConditionalLayerNorm(feature_dim, self.bases, owns=self.made == 1)


def bases_in(module: nn.Module) -> BasisVectors | None:
    """The basis vectors that the conditionings inside a module read; None where they read none."""
    return next((part for part in module.modules() if isinstance(part, BasisVectors)), None)
