"""Codec: a waveform becomes a few numbers a frame, and these a waveform again.

log-mel ──► two frames as one ──► ConvNeXt blocks ──► residual quantiser ──► codes, 40 a second
waveform ◄── vocoder ◄── log-mel ◄── ConvNeXt blocks ◄── sum of their vectors ◄──┘
"""

import math
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from joint.errors import ConfigError
from joint.synthesis.codec.quantizer import ResidualQuantizer
from joint.synthesis.convnext import ConvNextStack
from joint.synthesis.level import to_target
from joint.synthesis.mel import FLOOR, HOP, MELS, LogMel
from joint.synthesis.vocoders.base import Vocoder
from joint.units import Samples

FRAMES = 2
"""Frames of the log-mel that become one of codes."""
CODE_HOP: Samples = FRAMES * HOP
CODE_OFFSET: Samples = HOP // 2
"""Frame c of codes is centred on Sample `CODE_OFFSET + c·CODE_HOP`."""
MIDDLE, SPREAD = -5.0, 2.5
"""Of the log-mel of speech, so that what the network reads is about 0."""


Count = TypeVar("Count", int, Tensor)


def codes_of(samples: Count) -> Count:
    """Frames of codes of a recording of so many Samples."""
    return (samples // HOP + FRAMES) // FRAMES


class Decoded(NamedTuple):
    """What the codec makes of recordings in training: the log-mel `(B, MELS, F)` beside the
    `target`; `first (B, C, D)`, the first quantiser's vectors, with the encoder's gradient; and the
    `commitment` loss."""

    log_mel: Tensor
    target: Tensor
    first: Tensor
    commitment: Tensor


class Codec(nn.Module):
    """A neural codec with Vocos's body: ConvNeXt blocks at the frame rate on both sides of a
    residual quantiser, an inverse STFT behind (Zeghidour et al., SoundStream, TASLP 2022; Siuzdak,
    Vocos, ICLR 2024). It reads the log-mel that all vocoders here do, so that it may begin with a
    trained one.

    Args:
        vocoder: Makes the waveform; see Vocoder.
        quantizer: See ResidualQuantizer.
        dim, blocks, hidden: Of the ConvNeXt blocks before and behind the quantiser.
    """

    def __init__(
        self,
        vocoder: Vocoder,
        quantizer: ResidualQuantizer,
        dim: int = 256,
        blocks: int = 6,
        hidden: int = 768,
    ) -> None:
        super().__init__()
        self.mel = LogMel()
        self.encoder = ConvNextStack(FRAMES * MELS, dim, blocks, hidden)
        self.enter = nn.Linear(dim, quantizer.width)
        self.quantizer = quantizer
        self.decoder = ConvNextStack(quantizer.width, dim, blocks, hidden)
        self.output = nn.Linear(dim, FRAMES * MELS)
        self.vocoder = vocoder

    @property
    def sizes(self) -> tuple[int, int]:
        """Its quantisers, and the codes of each."""
        return len(self.quantizer), self.quantizer.size

    def need_trained(self, where: str) -> None:
        """Raises ConfigError where no training has filled the codebooks."""
        if not self.quantizer.trained:
            raise ConfigError(where, "a codec without training", "one from init_parts")

    def forward(self, waveform: Tensor) -> Decoded:
        """Of `waveform (B, S)`; in training the codebooks move."""
        target = self.mel(waveform)
        found = self.quantizer(self._latent(target, None))
        return Decoded(
            self._log_mel(found.latent)[..., : target.shape[2]],
            target,
            found.first,
            found.commitment,
        )

    @torch.no_grad()
    def encode(self, waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        """The codes `(B, C, Q)` of `waveform (B, S)`; a row of `lengths (B,)` Samples has
        `codes_of` them, as it has alone."""
        log_mel = self.mel(waveform)
        return self.quantizer.encode(self._latent(log_mel, lengths))

    def log_mel(self, codes: Tensor) -> Tensor:
        """The log-mel `(B, MELS, FRAMES·C)` of `codes (B, C, Q')`, of the first quantisers."""
        return self._log_mel(self.quantizer.decode(codes))

    def decode(self, codes: Tensor) -> Tensor:
        """The waveform `(B, (FRAMES·C - 1)·HOP)` of `codes (B, C, Q')`."""
        return self.vocoder.speak(self.log_mel(codes))

    def copy_of(self, recording: Tensor, quantizers: int | None = None) -> Tensor:
        """The waveform `(S,)` that the first `quantizers`, or all, leave of a `recording (S,)`, at
        its level; codes are those of the usual one."""
        gain = to_target(recording[None])
        padded = F.pad(gain * recording, (0, -len(recording) % CODE_HOP + HOP))
        copied = self.decode(self.encode(padded[None])[..., :quantizers])[0, : len(recording)]
        return copied / gain

    def _latent(self, log_mel: Tensor, lengths: Tensor | None) -> Tensor:
        """`log_mel (B, MELS, F)` → `(B, C, D)`."""
        mask = None
        if lengths is not None:
            frame = torch.arange(log_mel.shape[2], device=log_mel.device)
            own = frame < (lengths // HOP + 1)[:, None]
            log_mel = log_mel.where(own[:, None], math.log(FLOOR))
            place = torch.arange(-(-len(frame) // FRAMES), device=log_mel.device)
            mask = (place < codes_of(lengths)[:, None])[..., None].float()
        whole = F.pad(log_mel, (0, -log_mel.shape[2] % FRAMES), value=math.log(FLOOR))
        folded = rearrange((whole - MIDDLE) / SPREAD, "b m (c t) -> b c (t m)", t=FRAMES)
        latent: Tensor = self.enter(self.encoder(folded, mask))
        return latent

    def _log_mel(self, latent: Tensor) -> Tensor:
        made = self.output(self.decoder(latent)).float()
        return rearrange(made, "b c (t m) -> b m (c t)", t=FRAMES) * SPREAD + MIDDLE
