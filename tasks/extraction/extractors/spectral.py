"""What extractors that work on the complex spectrum share: level, transform, mapping or mask."""

from abc import abstractmethod
from typing import Literal

import torch
from einops import repeat
from torch import Tensor

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import Samples
from tasks.extraction.extractor import Estimate, Extractor
from tasks.extraction.extractors.spectrum import Spectrum, compressed, level_of

GIVES = ("spectrum", "mask")


class SpectralExtractor(Extractor):
    """An extractor with a network from the mixture's spectrum to the target's.

    The network reads the spectrum of the mixture at level 1, with magnitudes raised to the power
    `compression` (1: as they are), and gives the target's `spectrum` or a complex `mask`; an
    untrained mask is near one half. A mixture twice as loud gives an estimate twice as loud, and
    silence gives silence. For weights of other toolkits: `plain` spectra (see `Spectrum`), and
    `levelled` off: then the network reads the mixture at its own level, and neither holds.

    Raises ConfigError for a `gives` that is neither.
    """

    def __init__(
        self,
        window: Samples,
        hop: Samples,
        gives: Literal["spectrum", "mask"] = "spectrum",
        compression: float = 1.0,
        plain: bool = False,
        levelled: bool = True,
    ) -> None:
        super().__init__()
        if gives not in GIVES:
            raise ConfigError("gives", repr(gives), " or ".join(GIVES))
        self.spectrum = Spectrum(window, hop, plain)
        self.masks, self.compression, self.levelled = gives == "mask", compression, levelled

    @abstractmethod
    def network(self, spectrum: Tensor, encoding: SpeakerEncoding) -> Tensor:
        """Complex `(B, T, bins)` and `B·K` enrolments → complex `(B·K, T, bins)`."""

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        level, loud = level_of(mixture), loudness(mixture)
        if not self.levelled:
            level, loud = torch.ones_like(level), torch.ones_like(level)
        spectrum = self.spectrum(mixture / level)
        inputs = compressed(spectrum, self.compression) if self.compression != 1 else spectrum
        estimate = self.network(inputs, encoding)
        people = len(estimate) // len(mixture)
        if self.masks:
            estimate = repeat(spectrum, "b ... -> (b k) ...", k=people) * (0.5 + estimate)
        estimate = estimate * repeat(loud, "b 1 -> (b k) 1 1", k=people)
        return Estimate(self.spectrum.inverse(estimate, mixture.shape[1]), estimate)


def loudness(waveform: Tensor) -> Tensor:
    """`level_of` the `waveform (B, S)`, but 0 of silence."""
    silent = waveform.abs().amax(dim=1, keepdim=True) == 0
    return level_of(waveform).masked_fill(silent, 0.0)


Size = tuple[int, int]


def reading(stride: int) -> tuple[Size, Size, Size]:
    """Kernel, stride and padding of a convolution over 3 frames that makes one frequency of
    `stride`, a divisor of `bins - 1`; its transpose makes all of them again."""
    kernel = max(3, stride + 1 + stride % 2)
    return (3, kernel), (1, stride), (1, kernel // 2)


def frequencies(window: Samples, stride: int) -> int:
    """How many frequencies `reading` makes of those of a `window`. Raises ConfigError."""
    if (window // 2) % stride:
        raise ConfigError("stride", str(stride), f"a divisor of {window // 2}")
    return window // 2 // stride + 1


def as_image(spectrum: Tensor) -> Tensor:
    """Complex `(B, T, bins)` → real and imaginary parts, `(B, 2, T, bins)`."""
    return torch.stack([spectrum.real, spectrum.imag], dim=1)


def as_spectrum(image: Tensor) -> Tensor:
    """`(B, 2, T, bins)` → complex `(B, T, bins)`; undoes `as_image`."""
    real, imaginary = image.float().unbind(dim=1)
    return torch.complex(real, imaginary)
