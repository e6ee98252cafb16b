"""The shared encoder with its front-end, for an export."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor

from joint.app.export.parts.base import SHORT, Axes, Part, padded
from joint.encoders.encoder import SpeakerEncoder


class EncoderPart(Part):
    """Waveforms to speaker embeddings."""

    kind = "encoder"
    measure: ClassVar[str] = "cosine"
    least: ClassVar[float] = 0.99999

    def __init__(self, encoder: SpeakerEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.inputs: dict[str, Axes] = {"waveform": ("batch", "samples"), "lengths": ("batch",)}
        self.outputs: dict[str, Axes] = {"embedding": ("batch", encoder.embedding_dim)}

    @property
    def metadata(self) -> dict[str, Any]:
        """See Part."""
        return {"embedding_dim": self.encoder.embedding_dim}

    def forward(self, waveform: Tensor, lengths: Tensor) -> Tensor:
        """`waveform (B, S)` in [-1, 1], `lengths (B,)` in Samples → `(B, E)`."""
        embedding: Tensor = self.encoder(waveform, lengths).embedding
        return embedding

    def examples(self, speech: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """See Part: with padding, without, and of half a second."""
        return [padded(speech[:3]), padded(speech[3:4]), padded([s[:SHORT] for s in speech[4:6]])]

    def agreement(self, found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
        """See Part."""
        return float(F.cosine_similarity(found[0].double(), expected[0].double()).min())
