"""Networks that fuse the embedding of a voice and that of a face into one of the person."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN = 64


class FusionNetwork(nn.Module, ABC):
    """What both kinds share: projections of voice and face into one space of V + F dimensions, in
    which they begin side by side, so that the fused cosine begins as a weighted sum of both. The
    weights read the quality of both too, which the papers' networks do not.

    Args:
        voice_dim: V, of the voice embedding; `face_dim`: F, of the face embedding.
        measures: Q, of the quality of both together.
    """

    voice_mean: Tensor
    face_mean: Tensor
    voice_length: Tensor
    face_length: Tensor
    quality_mean: Tensor
    quality_spread: Tensor

    def __init__(self, voice_dim: int, face_dim: int, measures: int) -> None:
        super().__init__()
        self.dim = voice_dim + face_dim
        self.register_buffer("voice_mean", torch.zeros(voice_dim))
        self.register_buffer("face_mean", torch.zeros(face_dim))
        self.register_buffer("voice_length", torch.ones(()))
        self.register_buffer("face_length", torch.ones(()))
        self.register_buffer("quality_mean", torch.zeros(measures))
        self.register_buffer("quality_spread", torch.ones(measures))
        self.project_voice = nn.Linear(voice_dim, self.dim, bias=False)
        self.project_face = nn.Linear(face_dim, self.dim, bias=False)
        with torch.no_grad():
            places = torch.eye(self.dim)
            self.project_voice.weight.copy_(places[:, :voice_dim])
            self.project_face.weight.copy_(places[:, voice_dim:])

    def normalise_by(self, voice: Tensor, face: Tensor, quality: Tensor) -> None:
        """Take the means of training embeddings `(N, V)` and `(N, F)`, the mean lengths without
        these, and mean and spread of their `quality (N, Q)`."""
        self.voice_mean.copy_(voice.mean(dim=0))
        self.face_mean.copy_(face.mean(dim=0))
        self.voice_length.copy_((voice - self.voice_mean).norm(dim=1).mean())
        self.face_length.copy_((face - self.face_mean).norm(dim=1).mean())
        self.quality_mean.copy_(quality.mean(dim=0))
        self.quality_spread.copy_(quality.std(dim=0).clamp(min=1e-6))

    def forward(
        self, voice: Tensor, face: Tensor, quality: Tensor, has_voice: Tensor, has_face: Tensor
    ) -> Tensor:
        """Embeddings `(B, V + F)` of length one; zeros where both modalities are missing.

        Args:
            voice: `(B, V)`; `face`: `(B, F)`. Rows of a missing modality may hold anything.
            quality: `(B, Q)`, of the voice before that of the face; likewise.
            has_voice, has_face: `(B,)` bool.
        """
        voice = torch.where(has_voice[:, None], (voice - self.voice_mean) / self.voice_length, 0.0)
        face = torch.where(has_face[:, None], (face - self.face_mean) / self.face_length, 0.0)
        both = (has_voice & has_face)[:, None]
        quality = torch.where(both, (quality - self.quality_mean) / self.quality_spread, 0.0)
        projected = self.project_voice(F.normalize(voice)), self.project_face(F.normalize(face))
        weight = self.weigh(torch.cat([voice, face, quality], dim=1))
        # what is alone counts in full
        weight = torch.where(has_face[:, None], weight, 1.0)
        weight = torch.where(has_voice[:, None], weight, 0.0)
        return F.normalize(weight * projected[0] + (1.0 - weight) * projected[1])

    @abstractmethod
    def weigh(self, joined: Tensor) -> Tensor:
        """Weight of the voice, 0 to 1, `(B, 1)` or `(B, V + F)`, from both embeddings and the
        quality side by side, `(B, V + F + Q)`; the face has the rest."""


class AttentionFusion(FusionNetwork):
    """One weight for each modality, a softmax of what a network of one hidden layer gives (soft
    attention: Qian, Chen, Wang, "Audio-visual deep neural network for robust person verification",
    IEEE/ACM TASLP 2021; Shon, Oh, Glass, ICASSP 2019, eq. 1 to 3)."""

    def __init__(self, voice_dim: int, face_dim: int, measures: int) -> None:
        super().__init__(voice_dim, face_dim, measures)
        self.attention = nn.Sequential(
            nn.Linear(self.dim + measures, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2)
        )

    def weigh(self, joined: Tensor) -> Tensor:
        """See FusionNetwork."""
        weights: Tensor = self.attention(joined).softmax(dim=1)
        return weights[:, :1]


class GatedFusion(FusionNetwork):
    """A weight for each dimension, by a sigmoid (gated multimodal unit: Arevalo et al., ICLR
    workshop 2017; Qian, Chen, Wang 2021)."""

    def __init__(self, voice_dim: int, face_dim: int, measures: int) -> None:
        super().__init__(voice_dim, face_dim, measures)
        self.gate = _two_layers(self.dim + measures, self.dim)

    def weigh(self, joined: Tensor) -> Tensor:
        """See FusionNetwork."""
        weights: Tensor = self.gate(joined).sigmoid()
        return weights


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))
