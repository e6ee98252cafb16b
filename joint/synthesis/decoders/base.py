"""MelDecoder: features of every frame become a log-mel spectrogram."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from joint.outputs import SpeakerEncoding


@dataclass(frozen=True)
class Sampling:
    """How a decoder that samples does so.

    Args:
        steps: Evaluations of the network; None: the decoder's own number.
        guidance: Weight of the speaker against nobody (classifier-free guidance; 1: none); None:
            the decoder's own.
        seed: Of the noise.
        temperature: Of what is drawn, such as the standard deviation of the noise; None: the
            decoder's own.
        top_p: Least probability of the most probable codes that are drawn from; None: the
            decoder's own.
    """

    steps: int | None = None
    guidance: float | None = None
    seed: int = 0
    temperature: float | None = None
    top_p: float | None = None


AS_TRAINED = Sampling()
"""As the decoder's own settings say."""


class MelDecoder(nn.Module, ABC):
    """Makes normalised log-mel spectrograms `(B, F, MELS)` of features `(B, F, D)` in a voice;
    `mask (B, F, 1)` is 0 behind the end of a row."""

    controls: ClassVar[frozenset[str]] = frozenset()
    """Which of `steps`, `temperature` and `top_p` of Sampling change something."""

    @abstractmethod
    def loss(
        self,
        mel: Tensor,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        counted: Tensor | None = None,
        rough: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The mean over the frames that count, those of `counted (B, F, 1)`, None: of `mask`; and
        an estimate of `mel`, which gradients reach. `rough` is what `sample` would be given."""

    @abstractmethod
    def sample(
        self,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
        rough: Tensor | None = None,
    ) -> Tensor:
        """A spectrogram `(B, F, MELS)`; a `rough` one may be what it begins with."""


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values (B, F, D)` over the frames of `mask (B, F, 1)`, float32."""
    total = (values.float() * mask).sum()
    return total / (mask.sum() * values.shape[2]).clamp(min=1.0)


def noise_like(features: Tensor, bands: int, seed: int) -> Tensor:
    """Gaussian noise `(B, F, bands)`, each row that of a batch of one, whatever the device."""
    generator = torch.Generator().manual_seed(seed)
    row = torch.randn(features.shape[1], bands, generator=generator)
    return row.to(features.device).expand(len(features), -1, -1)
