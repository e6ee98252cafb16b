"""Kaldi's filterbank on the grid of an extractor's spectrum."""

import torch
from torch import Tensor

from joint.encoders.frames import Frames, masked_mean
from joint.encoders.frontends.filterbank import Frontend
from joint.encoders.frontends.kaldi import KaldiFilterbank
from joint.layers.reflection import reflected
from joint.units import Samples

FULL_SCALE = 32768.0


class CentredFilterbank(Frontend):
    """As `Filterbank`, but with a `window` and a `hop` of any length, centred: a recording is
    mirrored at its ends, so that it has a frame wherever a spectrum of this window and hop has one.
    Hamming windows; each bin's mean over the recording is taken off."""

    def __init__(self, bins: int = 80, window: Samples = 512, hop: Samples = 128) -> None:
        super().__init__()
        self.output_dim = bins
        self.window, self.hop, self.padding = window, hop, window // 2
        self.kaldi = KaldiFilterbank(bins, "hamming", window, hop)

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        whole = reflected(FULL_SCALE * waveform.float(), lengths, self.padding)
        with torch.autocast(waveform.device.type, enabled=False):
            features: Tensor = self.kaldi(whole)
        features = features - masked_mean(features, mask).unsqueeze(1)
        if mask is not None:
            features = features.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Frames(features, mask, self.hop, self.offset)
