"""A decoder that follows a flow from noise to the spectrogram."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from joint.conditioning.fusion import Conditioning
from joint.outputs import SpeakerEncoding
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.decoders.base import AS_TRAINED, MelDecoder, Sampling, masked_mean, noise_like
from joint.synthesis.mel import MELS

SMALLEST = 1e-4
"""Standard deviation of the noise that is left at the end of the flow."""


class FlowDecoder(MelDecoder):
    """Conditional flow matching with straight paths (Lipman et al., ICLR 2023; for synthesis Mehta
    et al., Matcha-TTS, ICASSP 2024, equations 2 to 5, and Le et al., Voicebox, NeurIPS 2023).

    Args:
        feature_dim: Channels of the features of each frame.
        fusion: Makes the conditioning on the speaker of each block.
        steps: Euler steps of `sample`, unless it is told otherwise.
        unconditional: Share of the training's rows without a speaker, for guidance (Ho and
            Salimans, 2022).
        guidance: Weight of the speaker in `sample`, unless it is told otherwise; 1: no guidance.
        temperature: Standard deviation of the noise in `sample`, unless it is told otherwise.
        start: Moment at which `sample` begins, where it is given a rough spectrogram: between the
            noise and that (the shallow diffusion of Liu et al., DiffSinger, AAAI 2022). 0: noise
            alone.
        from_rough: Whether training follows the paths of `sample`, from its beginning between the
            noise, of the `temperature`, and the rough spectrogram; without it, as checkpoints from
            before have learnt, paths from noise at all moments. Errors count as what they make of
            the spectrogram: short paths are steep, and would outweigh all other losses.
    """

    controls = frozenset({"steps", "temperature"})

    def __init__(
        self,
        feature_dim: int,
        fusion: Callable[[int], Conditioning],
        dim: int = 256,
        blocks: int = 8,
        hidden: int = 768,
        time_dim: int = 128,
        steps: int = 4,
        unconditional: float = 0.1,
        guidance: float = 1.0,
        temperature: float = 0.5,
        start: float = 0.7,
        from_rough: bool = False,
    ) -> None:
        super().__init__()
        self.steps, self.unconditional, self.guidance = steps, unconditional, guidance
        self.temperature, self.start, self.from_rough = temperature, start, from_rough
        self.time = nn.Sequential(nn.Linear(time_dim, time_dim), nn.SiLU())
        self.time_dim = time_dim
        self.body = ConvNextStack(feature_dim + MELS, dim, blocks, hidden, fusion, time_dim)
        self.output = nn.Linear(dim, MELS)

    def velocity(
        self, x: Tensor, moment: Tensor, features: Tensor, mask: Tensor, encoding: SpeakerEncoding
    ) -> Tensor:
        """Of `x (B, F, MELS)` at `moment (B,)`, from 0 (noise) to 1 (spectrogram)."""
        time = self.time(embedded(moment, self.time_dim))
        together = torch.cat([x.to(features.dtype), features], dim=2)
        velocity: Tensor = self.output(self.body(together, mask, encoding, time))
        return velocity.float()

    def loss(
        self,
        mel: Tensor,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        counted: Tensor | None = None,
        rough: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """See MelDecoder; the estimate is where the straight path from the drawn moment on ends."""
        drawn = torch.rand(len(mel), device=mel.device)
        noise, share = torch.randn_like(mel), drawn[:, None, None]
        if self.from_rough and rough is not None:
            begin, start = self._begin(self.temperature * noise, rough.detach())
            x, slope = torch.lerp(begin, mel, share), (mel - begin) / (1.0 - start)
        else:
            start, slope = 0.0, mel - (1.0 - SMALLEST) * noise
            x = (1.0 - (1.0 - SMALLEST) * share) * noise + share * mel
        moment = start + (1.0 - start) * drawn
        dropped = torch.rand(len(mel), device=mel.device) < self.unconditional
        velocity = self.velocity(x, moment, features, mask, without_speaker(encoding, dropped))
        error = (1.0 - start) * (velocity - slope)
        loss = masked_mean(error.square(), mask if counted is None else counted)
        return loss, (x + (1.0 - moment[:, None, None]) * velocity) * mask

    def _begin(self, noise: Tensor, rough: Tensor | None) -> tuple[Tensor, float]:
        """Where paths begin, and at which moment."""
        if rough is None:
            return noise, 0.0
        return (1.0 - self.start) * noise + self.start * rough, self.start

    def sample(
        self,
        features: Tensor,
        mask: Tensor,
        encoding: SpeakerEncoding,
        sampling: Sampling = AS_TRAINED,
        rough: Tensor | None = None,
    ) -> Tensor:
        """See MelDecoder; Euler steps."""
        steps = self.steps if sampling.steps is None else sampling.steps
        weight = self.guidance if sampling.guidance is None else sampling.guidance
        deviation = self.temperature if sampling.temperature is None else sampling.temperature
        x, start = self._begin(deviation * noise_like(features, MELS, sampling.seed), rough)
        everybody = torch.ones(len(features), dtype=torch.bool, device=features.device)
        nobody = without_speaker(encoding, everybody)
        for step in range(steps):
            share = start + (1.0 - start) * step / steps
            moment = torch.full((len(features),), share, device=features.device)
            velocity = self.velocity(x, moment, features, mask, encoding)
            if weight != 1.0:
                without = self.velocity(x, moment, features, mask, nobody)
                velocity = torch.lerp(without, velocity, weight)
            x = x + velocity * (1.0 - start) / steps
        return x * mask


def without_speaker(encoding: SpeakerEncoding, rows: Tensor) -> SpeakerEncoding:
    """The encoding with zeros for those `rows (B,)`: nobody's."""
    keep = (~rows).to(encoding.embedding.dtype)
    frames = encoding.frames
    return replace(
        encoding,
        embedding=encoding.embedding * keep[:, None],
        frames=None if frames is None else frames * keep[:, None, None].to(frames.dtype),
    )


def embedded(moment: Tensor, dim: int) -> Tensor:
    """Sines and cosines of `moment (B,)`, `(B, dim)` (Vaswani et al., NeurIPS 2017)."""
    rates = torch.exp(
        torch.linspace(0.0, math.log(1000.0), dim // 2, device=moment.device, dtype=torch.float32)
    )
    angles = moment[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
