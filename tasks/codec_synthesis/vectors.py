"""Codes as the codec's own vectors: codes whose vectors are near share what is learnt of them."""

import torch.nn.functional as F
from torch import Tensor, nn

from joint.synthesis.codec.codec import Codec
from joint.synthesis.codec.quantizer import Codebook

OWN = 0.1
"""Standard deviation of a code's own embedding at the beginning, beside its vector of unit size."""


class CodeVectors:
    """The vectors of a codec's codebooks, each with the deviation 1, and zeros for what is no code.

    It is no module: the codec belongs to the task, and its vectors do not learn.
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.size, self.width = codec.quantizer.size, codec.quantizer.width

    def of(self, quantizer: int, more: int = 0) -> Tensor:
        """`(size + more, width)` of one quantiser, 0 and more, with `more` rows of zeros."""
        vectors = self._codebook(quantizer).vectors
        return F.pad(vectors / vectors.std().clamp(min=1e-8), (0, 0, 0, more))

    def expected(self, quantizer: int, logits: Tensor) -> Tensor:
        """The codes `(…)` whose vectors are nearest to the mean of those that `logits (…, size)`
        give: where they are sure the most probable code, where they know nothing one near the
        middle, where the most probable of a thousand would be noise."""
        codebook = self._codebook(quantizer)
        return codebook.nearest(logits.softmax(dim=-1) @ codebook.vectors)

    def _codebook(self, quantizer: int) -> Codebook:
        codebook = self.codec.quantizer.codebooks[quantizer]
        assert isinstance(codebook, Codebook)
        return codebook


class CodeReader(nn.Module):
    """Codes of one quantiser become features: each code's own embedding and a linear layer of its
    vector.

    Args:
        more: Tokens besides the codes, such as a beginning or a mask.
    """

    def __init__(self, vectors: CodeVectors, quantizer: int, dim: int, more: int = 0) -> None:
        super().__init__()
        self.vectors, self.quantizer, self.more = vectors, quantizer, more
        self.own = nn.Embedding(vectors.size + more, dim)
        nn.init.normal_(self.own.weight, std=OWN)
        self.enter = nn.Linear(vectors.width, dim, bias=False)

    def forward(self, codes: Tensor) -> Tensor:
        """`codes (…)` → `(…, D)`."""
        vectors = F.embedding(codes, self.vectors.of(self.quantizer, self.more))
        features: Tensor = self.own(codes) + self.enter(vectors)
        return features


class CodePredictor(nn.Module):
    """Features become logits of one quantiser's codes: a linear layer's, and the product of the
    code's vector with one that is predicted.

    Args:
        more: Tokens besides the codes, such as a stop.
    """

    def __init__(self, vectors: CodeVectors, quantizer: int, dim: int, more: int = 0) -> None:
        super().__init__()
        self.vectors, self.quantizer, self.more = vectors, quantizer, more
        self.own = nn.Linear(dim, vectors.size + more)
        self.leave = nn.Linear(dim, vectors.width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """`hidden (…, D)` → `(…, size + more)`, float32."""
        vectors = self.vectors.of(self.quantizer, self.more)
        predicted = self.leave(hidden).float() / self.vectors.width**0.5
        logits: Tensor = self.own(hidden).float() + predicted @ vectors.T
        return logits
