"""Conditioning of features on a speaker, for any task. The whole encoding goes in, so that what
reads the enrolment's frames has the same signature as what reads its embedding."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from joint.outputs import SpeakerEncoding

GENTLE = 0.05
"""Share of a linear layer's usual initial weights that conditionings along a trunk begin with."""


class Conditioning(nn.Module, ABC):
    """Conditions features on a speaker; their shape stays."""

    layers: frozenset[str] = frozenset()
    """Names of the encoder's intermediate layers that it reads in an encoding."""
    reads_mixture: bool = False
    """Whether it reads what the encoder makes of the mixture, `SpeakerEncoding.mixture`."""

    @abstractmethod
    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """`features (B, …, N)` → `(B, …, N)`."""

    def begin_gently(self) -> None:
        """Change features little at first, whoever speaks, where the untrained conditioning can."""


def along_trunk(
    fusion: Callable[[int], Conditioning] | None, dim: int, blocks: int
) -> nn.ModuleList:
    """A conditioning of `dim` features before each of the residual `blocks` of a trunk; without a
    `fusion` none.

    They begin gently: the trunk has no other way around them, and the usual initial gains and
    shifts of ten in a row leave in the features who speaks, and hardly any words.
    """
    if fusion is None:
        return nn.ModuleList()
    made = [fusion(dim) for _ in range(blocks)]
    for each in made:
        each.begin_gently()
    return nn.ModuleList(made)


def layers_of(module: nn.Module) -> frozenset[str]:
    """Names of the encoder's intermediate layers that conditionings inside a module read."""
    read = (part.layers for part in module.modules() if isinstance(part, Conditioning))
    return frozenset().union(*read)


class EmbeddingFusion(Conditioning):
    """Conditions `features (B, …, N)` on the embedding of `encoding`.

    The embedding is layer-normalised first, unless `norm` is off: a margin loss leaves its length
    free. An untrained multiply, add or FiLM is the identity for an embedding of zeros.
    """

    def __init__(self, feature_dim: int, embedding_dim: int, norm: bool = True) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.norm = nn.LayerNorm(embedding_dim) if norm else nn.Identity()

    @abstractmethod
    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """`features (B, …, N)`, `speaker (B, E)` normalised."""

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning."""
        return self.fuse(features, self.norm(encoding.embedding))

    def begin_gently(self) -> None:
        """See Conditioning: gains and shifts from the speaker are small."""
        for name in ("gain", "shift"):
            part = getattr(self, name, None)
            if part is not None:
                part.weight.data.mul_(GENTLE)

    @staticmethod
    def spread(vector: Tensor, features: Tensor) -> Tensor:
        """`vector (B, N)` shaped to broadcast over `features (B, …, N)`."""
        between = (1,) * (features.dim() - 2)
        return vector.view(len(vector), *between, -1).to(features.dtype)


class MultiplyFusion(EmbeddingFusion):
    """Each feature is scaled by a gain computed from the speaker (Delcroix et al., ICASSP 2020:
    the multiplicative adaptation layer of SpeakerBeam)."""

    def __init__(self, feature_dim: int, embedding_dim: int, norm: bool = True) -> None:
        super().__init__(feature_dim, embedding_dim, norm)
        self.gain = nn.Linear(embedding_dim, feature_dim)
        nn.init.ones_(self.gain.bias)

    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """See Conditioning."""
        return features * self.spread(self.gain(speaker), features)


class AddFusion(EmbeddingFusion):
    """A projection of the speaker is added to each feature vector."""

    def __init__(self, feature_dim: int, embedding_dim: int, norm: bool = True) -> None:
        super().__init__(feature_dim, embedding_dim, norm)
        self.shift = nn.Linear(embedding_dim, feature_dim)
        nn.init.zeros_(self.shift.bias)

    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """See Conditioning."""
        return features + self.spread(self.shift(speaker), features)


class ConcatFusion(EmbeddingFusion):
    """A linear layer on features and speaker side by side (Wang et al., Interspeech 2019,
    VoiceFilter); the speaker's half of the product is computed once a recording."""

    def __init__(self, feature_dim: int, embedding_dim: int, norm: bool = True) -> None:
        super().__init__(feature_dim, embedding_dim, norm)
        self.of_features = nn.Linear(feature_dim, feature_dim)
        self.of_speaker = nn.Linear(embedding_dim, feature_dim, bias=False)

    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """See Conditioning."""
        return self.of_features(features) + self.spread(self.of_speaker(speaker), features)


class FilmFusion(EmbeddingFusion):
    """Feature-wise linear modulation (Perez et al., AAAI 2018): a gain and a shift."""

    def __init__(self, feature_dim: int, embedding_dim: int, norm: bool = True) -> None:
        super().__init__(feature_dim, embedding_dim, norm)
        self.gain = nn.Linear(embedding_dim, feature_dim)
        self.shift = nn.Linear(embedding_dim, feature_dim)
        nn.init.zeros_(self.gain.bias)
        nn.init.zeros_(self.shift.bias)

    def fuse(self, features: Tensor, speaker: Tensor) -> Tensor:
        """See Conditioning."""
        gain, shift = (
            self.spread(self.gain(speaker), features),
            self.spread(self.shift(speaker), features),
        )
        return torch.addcmul(shift, features, 1.0 + gain)


class NoFusion(Conditioning):
    """Leaves features as they are: no speaker."""

    def __init__(self, feature_dim: int, embedding_dim: int) -> None:
        super().__init__()

    def forward(self, features: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """See Conditioning."""
        return features
