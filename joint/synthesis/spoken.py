"""What acoustic models learn from: log-mel spectrograms at one level, with pitch and prosody."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus, readable
from joint.synthesis.lengths import random_starts, window
from joint.synthesis.level import frame_energy, levelled
from joint.synthesis.mel import MELS, LogMel
from joint.synthesis.pitch import Pitch, estimate_pitch

MEASURED = 200
"""Recordings that the mean and the deviation of each mel band are measured on."""
EDGE = 3
"""Frames beside a stretch that its first and last frames are computed from."""
MIDDLE_PITCH, MIDDLE_ENERGY, ENERGY_SPREAD = 5.0, -0.7, 1.6
"""Of ln(Hertz) and of ln(magnitude), so that what the network reads is about 0."""


@dataclass(frozen=True)
class Prosody:
    """Of each frame: `pitch (B, F)` as ln(Hertz), interpolated where it is not `voiced (B, F)` (0
    to 1), and `energy (B, F)` as ln(mean magnitude)."""

    pitch: Tensor
    voiced: Tensor
    energy: Tensor

    @classmethod
    def of(cls, pitch: Pitch, log_mel: Tensor) -> "Prosody":
        """That of a recording."""
        return cls(pitch.log_hertz, pitch.voiced.float(), frame_energy(log_mel))

    def features(self) -> Tensor:
        """`(B, F, 3)`, of about unit size."""
        pitch = 4.0 * (self.pitch - MIDDLE_PITCH) * self.voiced
        energy = (self.energy - MIDDLE_ENERGY) / ENERGY_SPREAD
        return torch.stack([pitch, self.voiced, energy], dim=2)


@dataclass(frozen=True)
class Spoken:
    """What an acoustic model learns from, of recordings at the usual level: the log-mel `(B, MELS,
    F)`, pitch, prosody, and `mask (B, F)`; frame 0 is frame `starts (B,)` of the recording; the
    `waveform (B, S)` from there to the last frame, of `lengths (B,)` in Samples."""

    log_mel: Tensor
    mask: Tensor
    starts: Tensor
    waveform: Tensor
    lengths: Tensor
    estimate: Callable[[], Pitch]

    @cached_property
    def pitch(self) -> Pitch:
        """That of the frames; it is estimated, a tenth of a training step, where it is read."""
        with torch.no_grad():
            return self.estimate()

    @cached_property
    def prosody(self) -> Prosody:
        """That of the frames."""
        return Prosody.of(self.pitch, self.log_mel)

    def cut(self, frames: Tensor) -> Tensor:
        """The frames of `frames (B, F', D)`, features of whole recordings, that are here."""
        return window(frames, self.starts, self.mask.shape[1])


class SpokenMel(nn.Module):
    """Log-mel spectrograms of recordings at the usual level, and their bands with mean 0 and
    deviation 1, as a corpus has them."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel()
        self.register_buffer("mean", torch.zeros(MELS))
        self.register_buffer("deviation", torch.zeros(MELS))

    def setup(self, corpus: Corpus) -> None:
        """Measure the mel bands on some recordings of the corpus, unless a checkpoint has."""
        if self.deviation.any():
            return
        some = corpus.utterances[:: max(1, len(corpus) // MEASURED)]
        bands = []
        for _, waveform in readable(some):
            sound = levelled(torch.from_numpy(waveform)[None].to(self.mean.device))
            bands.append(self.mel(sound)[0])
        together = torch.cat(bands, dim=1)
        self.mean.copy_(together.mean(dim=1))
        self.deviation.copy_(together.std(dim=1))

    @torch.no_grad()
    def spoken(self, waveform: Tensor, lengths: Tensor, longest: int | None = None) -> Spoken:
        """Recordings `(B, S)` of `lengths (B,)` as the model learns from them; of each a random
        stretch of at most `longest` frames, None: all of it."""
        sample = torch.arange(waveform.shape[1], device=waveform.device)
        sound = levelled(waveform.float() * (sample < lengths[:, None]))
        own = lengths // self.hop + 1
        count = int(own.max()) if longest is None else min(longest, int(own.max()))
        starts = random_starts(own, count)
        edge, first = 0, torch.zeros_like(lengths)
        if longest is not None:
            edge, first = EDGE, (starts - EDGE) * self.hop
            index = torch.arange((count - 1 + 2 * EDGE) * self.hop, device=own.device)
            index = first[:, None] + index
            inside = (index >= 0) & (index < sound.shape[1])
            sound = sound.gather(1, index.clamp(0, sound.shape[1] - 1)) * inside
        here = slice(edge, edge + count)
        log_mel = self.mel(sound)[..., here]
        mask = torch.arange(count, device=own.device)[None] < (own - starts)[:, None]

        def estimate() -> Pitch:
            found = estimate_pitch(sound, lengths - first)
            return Pitch(found.log_hertz[:, here], found.voiced[:, here] & mask)

        reach = int(lengths.max()) if longest is None else (count - 1) * self.hop
        inner = sound[:, edge * self.hop : edge * self.hop + reach]
        inside = (lengths - starts * self.hop).clamp(max=reach)
        return Spoken(log_mel, mask, starts, inner, inside, estimate)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.mel.hop

    def normalised(self, log_mel: Tensor) -> Tensor:
        """`log_mel (B, MELS, F)` with mean 0 and deviation 1 of each band: `(B, F, MELS)`."""
        return (log_mel.transpose(1, 2) - self.mean) / self.deviation

    def restored(self, mel: Tensor) -> Tensor:
        """The inverse of `normalised`, float32."""
        return (mel.float() * self.deviation + self.mean).transpose(1, 2)
