"""Pitch of recordings on the frames of the log-mel spectrogram, and the range of a voice."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.synthesis.mel import HOP, frames_of
from joint.units import SAMPLE_RATE, Hertz

LOWEST: Hertz = 65
HIGHEST: Hertz = 500
EVERY = 2
"""One sample of so many is kept: pitch lies far below 4 kHz."""
RATE: Hertz = SAMPLE_RATE // EVERY
WINDOW = 320
"""Kept samples that are compared with later ones: 40 ms, over two periods of the lowest pitch."""
THRESHOLD = 0.1
"""A dip of the normalised difference under it is a period."""
UNVOICED = 0.35
"""Frames whose least difference is above it are unvoiced."""
QUIETEST = 0.03
"""Frames whose level is under this share of the recording's loudest frame are unvoiced."""
USUAL_SPREAD, COUNTED = 0.2, 100
"""Of ln(Hertz) within a voice, and the voiced frames that count as much as this knowledge."""


@dataclass(frozen=True)
class Pitch:
    """`log_hertz (B, F)`, the natural logarithm of the pitch, interpolated where `voiced (B, F)` is
    False."""

    log_hertz: Tensor
    voiced: Tensor


@dataclass(frozen=True)
class PitchRange:
    """Of each voice: `mean (B,)` and `spread (B,)` of ln(Hertz) over voiced frames."""

    mean: Tensor
    spread: Tensor

    def normalised(self, log_hertz: Tensor) -> Tensor:
        """`log_hertz (B, F)` as distance from the mean in spreads."""
        return (log_hertz - self.mean[:, None]) / self.spread[:, None]

    def restored(self, normalised: Tensor) -> Tensor:
        """The inverse of `normalised`."""
        return normalised * self.spread[:, None] + self.mean[:, None]


@torch.no_grad()
def estimate_pitch(waveform: Tensor, lengths: Tensor | None = None) -> Pitch:
    """Pitch at every frame of the log-mel spectrogram by the cumulative mean normalised difference
    (de Cheveigné and Kawahara, "YIN", JASA 2002, steps 1 to 5), and a median over five frames.

    Args:
        waveform: `(B, S)`.
        lengths: `(B,)` in Samples; None: all of it. What lies behind the end changes nothing;
            frames there are unvoiced.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        sound = waveform.float()
        if lengths is not None:
            sample = torch.arange(sound.shape[1], device=sound.device)
            sound = sound * (sample < lengths[:, None])
        difference, level = normalised_difference(sound)
        shortest, longest = RATE // HIGHEST, RATE // LOWEST
        period, least = _period(difference[..., : longest + 2], shortest, longest)
        voiced = (least < UNVOICED) & (level > QUIETEST * level.amax(dim=1, keepdim=True))
        voiced &= level > 1e-4
        log_hertz = (RATE / period.clamp(min=1.0)).log()
        if lengths is not None:
            frame = torch.arange(voiced.shape[1], device=voiced.device)[None]
            voiced &= frame * HOP <= lengths[:, None]
            log_hertz = log_hertz.gather(1, torch.minimum(frame, lengths[:, None] // HOP))
        smooth = F.pad(log_hertz, (2, 2), mode="replicate").unfold(1, 5, 1).median(dim=2).values
        return Pitch(interpolated(smooth, voiced), voiced)


def pitch_range(pitch: Pitch) -> PitchRange:
    """Mean and spread of each voice; a recording with few voiced frames has nearly the usual
    spread, one without any a mean of 150 Hz."""
    weight = pitch.voiced.float()
    count = weight.sum(dim=1)
    mean = (pitch.log_hertz * weight).sum(dim=1) / count.clamp(min=1.0)
    mean = torch.where(count > 0, mean, torch.full_like(mean, 5.0))
    squares = ((pitch.log_hertz - mean[:, None]).square() * weight).sum(dim=1)
    spread = ((squares + COUNTED * USUAL_SPREAD**2) / (count + COUNTED)).sqrt()
    return PitchRange(mean, spread)


def interpolated(values: Tensor, known: Tensor) -> Tensor:
    """`values (B, F)` where `known`, straight lines between these, the nearest at both ends; 0 in a
    row without any."""
    frame = torch.arange(values.shape[1], device=values.device).expand_as(values)
    last = torch.where(known, frame, -1).cummax(dim=1).values
    later = torch.where(known, frame, values.shape[1]).flip(1).cummin(dim=1).values.flip(1)
    some = known.any(dim=1, keepdim=True)
    left = torch.where(last < 0, later, last).clamp(0, values.shape[1] - 1)
    right = torch.where(later >= values.shape[1], last, later).clamp(0, values.shape[1] - 1)
    share = (frame - left) / (right - left).clamp(min=1)
    line = torch.lerp(values.gather(1, left), values.gather(1, right), share.clamp(0.0, 1.0))
    return torch.where(some, line, 0.0)


def normalised_difference(waveform: Tensor, lowest: Hertz = LOWEST) -> tuple[Tensor, Tensor]:
    """The cumulative mean normalised difference of `waveform (B, S)` at every frame and lag from 0
    to that of the `lowest` pitch and one more, in kept samples, `(B, F, lags)`; and the level of
    each frame."""
    # zeros, so that the last kept samples are the same with padding and without
    sound = F.pad(waveform, (0, 2 * EVERY))
    kept = F.avg_pool1d(sound[:, None], 2 * EVERY, EVERY, EVERY // 2)[:, 0]
    return _differences(kept, frames_of(waveform.shape[1]), int(RATE // lowest) + 2)


def _differences(x: Tensor, count: int, lags: int) -> tuple[Tensor, Tensor]:
    """The normalised difference of `count` frames at lags from 0 on, `(B, F, lags)`, and the level
    of each."""
    span = WINDOW + lags
    behind = max((count - 1) * HOP // EVERY + span - span // 2 - x.shape[1], 0)
    frames = F.pad(x, (span // 2, behind)).unfold(1, span, HOP // EVERY)[:, :count]
    size = 1 << (span - 1).bit_length()  # the lags do not reach what wraps around
    head = frames[..., :WINDOW]
    product = torch.fft.rfft(frames, size) * torch.fft.rfft(head, size).conj()
    correlation = torch.fft.irfft(product, size)[..., :lags]
    squares = F.pad(frames.square().cumsum(dim=-1), (1, 0))
    energy = squares[..., WINDOW : WINDOW + lags] - squares[..., :lags]
    difference = (energy[..., :1] + energy - 2.0 * correlation).clamp(min=0.0)
    summed = difference[..., 1:].cumsum(dim=-1).clamp(min=1e-9)
    lag = torch.arange(1, lags, device=x.device)
    normalised = F.pad(difference[..., 1:] * lag / summed, (1, 0), value=1.0)
    return normalised, (energy[..., 0] / WINDOW).clamp(min=0.0).sqrt()


def _period(difference: Tensor, shortest: int, longest: int) -> tuple[Tensor, Tensor]:
    """The period in Samples, to a fraction of one, and the difference at it, each `(B, F)`."""
    inner = difference[..., shortest : longest + 1]
    dip = (inner <= difference[..., shortest - 1 : longest]) & (
        inner <= difference[..., shortest + 1 : longest + 2]
    )
    under = dip & (inner < THRESHOLD)
    first = under.float().argmax(dim=-1)
    chosen = torch.where(under.any(dim=-1), first, inner.argmin(dim=-1)) + shortest
    before, here, after = (
        difference.gather(-1, (chosen + step)[..., None])[..., 0] for step in (-1, 0, 1)
    )
    curve = before - 2.0 * here + after
    shift = torch.where(curve > 1e-9, 0.5 * (before - after) / curve.clamp(min=1e-9), 0.0)
    return chosen + shift.clamp(-0.5, 0.5), here
