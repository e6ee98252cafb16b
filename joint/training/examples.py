"""Sounds and spectrograms of held-out scenes in TensorBoard, to follow a training by ear."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from joint.units import SAMPLE_RATE, Decibels

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SHARE = 0.1
"""The part of a training between two examples."""
WINDOW, HOP = 512, 160
RANGE: Decibels = 80.0


class Examples:
    """Writes the sounds of a few scenes, ten times in a training; a sound that has not changed is
    not written again."""

    def __init__(self) -> None:
        self.next, self.written = 0.0, dict[str, Tensor]()

    def due(self, progress: float) -> bool:
        """Whether sounds are to be written at this share of the budget; so on every process."""
        return progress >= min(self.next, 1.0)

    def write(
        self,
        board: "SummaryWriter | None",
        step: int,
        progress: float,
        sounds: Mapping[str, Tensor],
    ) -> None:
        """Write the `sounds (S,)` at 16 kHz that have changed; nothing without a board."""
        self.next = SHARE * (1 + math.floor(progress / SHARE + 1e-9))
        if board is None:
            return
        for name, sound in sounds.items():
            if name in self.written and torch.equal(sound, self.written[name]):
                continue
            self.written[name] = sound
            board.add_audio(name, within_full_scale(sound), step, SAMPLE_RATE)
            board.add_image(name, spectrogram(sound), step)


def within_full_scale(sound: Tensor) -> Tensor:
    """`sound (S,)`, quieter where it goes beyond ±1: an extractor that begins has no level yet."""
    peak = sound.abs().max().clamp(min=1.0) if len(sound) else 1.0
    return sound / peak


def spectrogram(sound: Tensor) -> Tensor:
    """Levels of `sound (S,)` as a picture `(1, WINDOW / 2 + 1, F)`, low frequencies below: 1 for
    the loudest, 0 for 80 dB less."""
    spectrum = torch.stft(
        torch.nn.functional.pad(sound, (0, max(0, WINDOW - len(sound)))),
        WINDOW,
        HOP,
        window=torch.hann_window(WINDOW),
        center=False,
        return_complex=True,
    )
    power = spectrum.abs().square()
    levels = 10.0 * torch.log10(power / power.max().clamp(min=1e-12) + 1e-12)
    return (1.0 + levels / RANGE).clamp(0.0, 1.0).flip(0)[None]
