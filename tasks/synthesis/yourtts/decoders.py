"""Decoders of VITS: latent frames in a voice become a waveform."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.vocoders.hifigan import between_centres, hifigan_generator
from joint.synthesis.vocoders.vocos import SpectrumHead


class LatentDecoder(nn.Module, ABC):
    """Latent frames `(B, H, F)` and a speaker's vector `(B, G, 1)` become the waveform between the
    first and the last frame's centre, `(B, (F - 1)·HOP)`, float32."""

    @abstractmethod
    def forward(self, z: Tensor, speaker: Tensor) -> Tensor:
        """See the class."""


class HifiGanDecoder(LatentDecoder):
    """The decoder of VITS and YourTTS: the generator of HiFi-GAN, whose first features the speaker
    shifts. Arguments as of `joint.synthesis.vocoders.hifigan.HifiGan`."""

    def __init__(
        self,
        latent_dim: int,
        speaker_dim: int,
        channels: int = 512,
        scales: Sequence[int] = (5, 5, 4, 2),
        kernels: Sequence[int] = (3, 7, 11),
        dilations: Sequence[int] = (1, 3, 5),
    ) -> None:
        super().__init__()
        self.generator = hifigan_generator(
            latent_dim, channels, scales, kernels, dilations, speaker_dim
        )

    def forward(self, z: Tensor, speaker: Tensor) -> Tensor:
        """See LatentDecoder."""
        return between_centres(self.generator(z, speaker))


class VocosDecoder(LatentDecoder):
    """Vocos at the frame rate in HiFi-GAN's place, for processors: a fraction of the time a step,
    and `norm`, `body` and `head` may begin as those of a trained vocoder of the same size.

    The head's waveform is what the losses train; no Griffin-Lim follows as in
    `joint.synthesis.vocoders.vocos`. There the log-mel says what the magnitudes are to be, here
    nothing does: the head's own, before the inverse transform, are no spectrum of a waveform, and
    phases that fit them make it worse."""

    def __init__(
        self, latent_dim: int, speaker_dim: int, dim: int = 256, blocks: int = 8, hidden: int = 768
    ) -> None:
        super().__init__()
        self.enter = nn.Conv1d(latent_dim, dim, 7, padding=3)
        self.speaker = nn.Conv1d(speaker_dim, dim, 1)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.body = ConvNextStack(dim, dim, blocks, hidden)
        self.head = SpectrumHead(dim)

    def forward(self, z: Tensor, speaker: Tensor) -> Tensor:
        """See LatentDecoder."""
        x = self.enter(z) + self.speaker(speaker)
        x = self.body(self.norm(x.transpose(1, 2)))
        with torch.autocast(z.device.type, enabled=False):
            waveform: Tensor = self.head(x.float())
        return waveform
