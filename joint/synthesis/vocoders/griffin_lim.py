"""Griffin-Lim: a waveform from magnitudes alone, without anything learnt."""

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from joint.errors import ConfigError
from joint.synthesis.mel import FLOOR, HOP, WINDOW
from joint.synthesis.vocoders.base import Vocoder
from joint.synthesis.vocoders.magnitudes import from_bands

FEWEST = WINDOW // HOP + 1
"""Frames that the iterations need."""


class GriffinLim(Vocoder):
    """The floor beside the networks: nothing is trained, and the same log-mel gives the same
    waveform.

    The magnitudes are those that the mel filters turn into the log-mel (`from_bands`). The phases
    start at zero and are found by the fast Griffin-Lim algorithm (Perraudin et al., WASPAA 2013).

    Args:
        iterations: Of the phases.
        momentum: 0 is the algorithm of Griffin and Lim (1984).

    Raises ConfigError for iterations below 1 and a momentum outside 0 to 1.
    """

    window: Tensor

    def __init__(self, iterations: int = 60, momentum: float = 0.99) -> None:
        super().__init__()
        if iterations < 1:
            raise ConfigError("iterations", str(iterations), "1 or more")
        if not 0.0 <= momentum < 1.0:
            raise ConfigError("momentum", str(momentum), "0 or more, and below 1")
        self.iterations, self.momentum = iterations, momentum
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)

    def forward(self, log_mel: Tensor) -> Tensor:
        """See Vocoder."""
        frames = log_mel.shape[-1]
        behind = max(FEWEST - frames, 0)
        with torch.autocast(log_mel.device.type, enabled=False):
            mel = F.pad(log_mel.float().exp(), (0, behind), value=FLOOR)
            # one by one: the iterations enlarge the rounding of a batch to some hundredths
            magnitudes = from_bands(mel, self.mel.filters)
            waveforms = [self._with_phases(row) for row in magnitudes]
        return torch.stack(waveforms)[:, : (frames - 1) * HOP]

    def _with_phases(self, magnitudes: Tensor) -> Tensor:
        """The waveform `(S,)` of magnitudes `(bins, F)`."""
        waveform: Tensor = torchaudio.functional.griffinlim(
            magnitudes,
            self.window,
            WINDOW,
            HOP,
            WINDOW,
            power=1.0,
            n_iter=self.iterations,
            momentum=self.momentum,
            length=(magnitudes.shape[-1] - 1) * HOP,
            rand_init=False,
        )
        return waveform
