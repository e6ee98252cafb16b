"""A front-end whose filters are the weights of a layer, of several lengths side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from joint.encoders.frames import Frames
from joint.encoders.frontends.filterbank import Frontend
from joint.errors import ConfigError
from joint.units import Samples


class LearnedFilterbank(Frontend):
    """`filters` learned filters for each length in `windows`, every `hop` Samples, and a ReLU: how
    SpEx+ reads an enrolment (Ge et al., Interspeech 2020).

    Frames that the shortest window fits into; longer ones reach into zeros after the end. Raises
    ConfigError for windows that do not grow.
    """

    def __init__(
        self, filters: int = 256, windows: Sequence[Samples] = (20, 80, 160), hop: Samples = 10
    ) -> None:
        super().__init__()
        if not windows or list(windows) != sorted(set(windows)):
            raise ConfigError("windows", str(list(windows)), "growing windows")
        self.windows, self.window, self.hop = list(windows), windows[0], hop
        self.output_dim = filters * len(windows)
        self.scales = nn.ModuleList(nn.Linear(window, filters) for window in windows)

    def forward(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """See Frontend."""
        mask = self.mask_of(waveform, lengths)
        with torch.autocast(waveform.device.type, enabled=False):
            own = torch.arange(waveform.shape[1], device=waveform.device) < lengths[:, None]
            x = waveform.float() * own
            last = (self.frames_of(waveform.shape[1]) - 1) * self.hop
            features = []
            for window, scale in zip(self.windows, self.scales, strict=True):
                whole = functional.pad(x, (0, max(0, last + window - x.shape[1])))
                features.append(scale(whole[:, : last + window].unfold(1, window, self.hop)))
            found = torch.cat(features, dim=2).relu()
            if mask is not None:
                found = found.masked_fill(~mask.unsqueeze(-1), 0.0)
        return Frames(found, mask, self.hop, self.offset)
