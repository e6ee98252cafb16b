"""Spectrograms and waveforms of any length in bounded memory: in pieces, cut where it is quiet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from joint.synthesis.mel import HOP, frames_of
from joint.synthesis.vocoders.base import Vocoder
from joint.units import Samples

LONGEST = 1600
"""Frames of a piece before context is added, 20 s."""

CONTEXT = 80
"""Frames that a piece has more on either side, where there are such."""

MEL_FADE = 8
"""Frames before and after a cut in which one piece's spectrogram fades into the next one's."""

WAVEFORM_FADE: Samples = HOP
"""As `MEL_FADE`, of waveforms."""

SMOOTHED = 11
"""Frames over which the level is averaged, so that a cut is in a pause and not in a stop."""


@dataclass(frozen=True)
class Piece:
    """The frames from `begin` to `end`, and a context: from `first` to `last`, which are frames
    too. Of a whole, `begin` of the first and `end` of the last piece are its first and last frame;
    neighbouring pieces have one frame, the cut, in common."""

    begin: int
    end: int
    first: int
    last: int


def pieces_of(levels: Tensor, longest: int = LONGEST) -> list[Piece]:
    """About equal pieces of `levels (F,)`, the power of each frame: each cut is at the quietest
    place within a tenth of a piece around its even place."""
    frames = len(levels) - 1
    count = max(1, -(-frames // longest))
    kernel = torch.full((1, 1, SMOOTHED), 1 / SMOOTHED, device=levels.device)
    smooth = torch.conv1d(levels.float()[None, None], kernel, padding=SMOOTHED // 2)[0, 0]
    cuts, around = [0], frames // (10 * count)
    for place in range(1, count):
        start = place * frames // count - around
        cuts.append(start + int(smooth[start : start + 2 * around + 1].argmin()))
    cuts.append(frames)
    return [
        Piece(begin, end, max(0, begin - CONTEXT), min(frames, end + CONTEXT))
        for begin, end in pairwise(cuts)
    ]


def mel_in_pieces(
    convert: Callable[[Tensor, slice], Tensor], waveform: Tensor, longest: int = LONGEST
) -> Tensor:
    """What `convert`, from a waveform `(S,)` and which frames of the whole these are to a
    spectrogram `(MELS, S // HOP + 1)`, makes of the pieces of `waveform (S,)`, as one spectrogram
    of its length, rounded up to whole frames."""
    waveform = functional.pad(waveform, (0, -len(waveform) % HOP))
    power = waveform.reshape(-1, HOP).square().mean(dim=1)
    pieces = pieces_of(torch.cat([power, power[-1:]]), longest)
    made = (
        convert(waveform[p.first * HOP : p.last * HOP], slice(p.first, p.last + 1)) for p in pieces
    )
    return _faded_together(made, pieces, frames_of(len(waveform)), 1, MEL_FADE)


def vocoded(vocoder: Vocoder, log_mel: Tensor, longest: int = LONGEST) -> Tensor:
    """The waveform `((F - 1)·HOP,)` that `vocoder` makes of a `log_mel (MELS, F)` of any length."""
    pieces = pieces_of(log_mel.exp().square().mean(dim=0), longest)
    made = (vocoder.speak(log_mel[None, :, p.first : p.last + 1])[0] for p in pieces)
    return _faded_together(made, pieces, (log_mel.shape[1] - 1) * HOP, HOP, WAVEFORM_FADE)


def _faded_together(
    made: Iterable[Tensor], pieces: Sequence[Piece], length: int, hop: Samples, fade: int
) -> Tensor:
    """The whole `(..., length)` of what was made of the pieces, with `hop` values a frame: around
    each cut one fades into the next within `fade` values on either side."""
    whole: Tensor | None = None
    for part, piece in zip(made, pieces, strict=True):
        if whole is None:
            whole = part.new_zeros(*part.shape[:-1], length)
        start, count = piece.first * hop, part.shape[-1]
        places = torch.arange(start, start + count, device=part.device)
        weight = part.new_ones(count)
        if piece.first < piece.begin:
            weight *= ((places - piece.begin * hop) / (2 * fade) + 0.5).clamp(0.0, 1.0)
        if piece.end < piece.last:
            weight *= (0.5 - (places - piece.end * hop) / (2 * fade)).clamp(0.0, 1.0)
        whole[..., start : start + count] += weight * part
    assert whole is not None
    return whole
