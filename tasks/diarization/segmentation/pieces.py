"""Embeddings of the pieces of windows that overlap: each piece is embedded once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from joint.task import Encode
from joint.units import Samples
from tasks.diarization.segmentation.network import SegmentationNetwork


class SharedPieces:
    """The pieces of windows of `recording (S,)`, asked for in the order of their beginnings.

    Windows of 8 s every 2 s have each piece four times, two thirds of the time of inference.
    """

    def __init__(self, network: SegmentationNetwork, encode: Encode, recording: Tensor) -> None:
        self.network, self.encode, self.recording = network, encode, recording
        self._known: dict[Samples, Tensor] = {}

    def __call__(self, starts: Sequence[Samples], length: Samples) -> Tensor | None:
        """Unit embeddings `(W, K, E)` of the pieces of windows of a `length`; None where they are
        shorter than a piece."""
        piece, step = self.network.piece, self.network.step
        if length < piece:
            return None
        places = [list(range(s, s + length - piece + 1, step)) for s in starts]
        asked = sorted({place for own in places for place in own})
        new = [place for place in asked if place not in self._known]
        if new:
            pieces = torch.stack([self.recording[place : place + piece] for place in new])
            lengths = torch.full((len(new),), piece, device=pieces.device)
            found = self.network.embedded(self.encode, pieces, lengths)[:, 0]
            self._known |= dict(zip(new, found, strict=True))
        self._known = {place: self._known[place] for place in asked}  # memory stays bounded
        return torch.stack([torch.stack([self._known[p] for p in own]) for own in places])
