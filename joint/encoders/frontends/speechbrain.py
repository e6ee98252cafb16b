"""The front-end of SpeechBrain's encoders."""

import torch
from torch import Tensor

from joint.encoders.frames import Frames, masked_mean
from joint.encoders.frontends.filterbank import Frontend
from joint.errors import ConfigError


class SpeechBrainFilterbank(Frontend):
    """SpeechBrain's log mel filterbank, `bins` bands, each one's mean over the recording taken off.

    25 ms Hamming windows every 10 ms, centred, with zeros beyond either end; decibels, with a floor
    80 below the recording's loudest point. SpeechBrain's own `Fbank` computes them; here a padded
    recording gets what it has alone, which that does not see to.

    Raises ConfigError where the package speechbrain is not installed.
    """

    window = 400
    hop = 160
    padding = 200

    def __init__(self, bins: int = 80) -> None:
        super().__init__()
        try:
            from speechbrain.lobes.features import Fbank
        except ImportError:
            expected = "the extra `speechbrain` (pip install speechbrain)"
            raise ConfigError("speechbrain", "no such package", expected) from None
        self.output_dim = bins
        whole = Fbank(n_mels=bins)
        self.stft, self.filters = whole.compute_STFT, whole.compute_fbanks

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        with torch.autocast(waveform.device.type, enabled=False):
            x = waveform.float()
            if mask is not None:
                # the last windows reach past the end
                beyond = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
                x = x.masked_fill(beyond, 0.0)
            power = self.stft(x).square().sum(dim=-1)
            if mask is not None:
                # and so do the next, which must not decide what is loudest
                power = power.masked_fill(~mask.unsqueeze(-1), 0.0)
            features: Tensor = self.filters(power)
            features = features - masked_mean(features, mask).unsqueeze(1)
            if mask is not None:
                features = features.masked_fill(~mask.unsqueeze(-1), 0.0)
            return Frames(features, mask, self.hop, self.offset)
