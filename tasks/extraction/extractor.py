"""Extractor: the contract of everything that takes an enrolled speaker out of a mixture."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from joint.outputs import SpeakerEncoding


@dataclass(frozen=True)
class Estimate:
    """What an extractor gives: `waveform (B, S)` and, of one that works on spectra, the `spectrum`
    that the waveform was made from, complex `(B, T, bins)`.

    `others`: further estimates `(B, S)` of the same speech, which a loss may compare too, such as
    those of longer filters."""

    waveform: Tensor
    spectrum: Tensor | None = None
    others: tuple[Tensor, ...] = ()


class Extractor(nn.Module, ABC):
    """Extracts enrolled people from mixtures; a constructor takes `embedding_dim`."""

    @abstractmethod
    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """`mixture (B, S)` and the `encoding` of `B·K` enrolments, K for each mixture in turn →
        estimates `(B·K, S)`."""
