"""d-vector LSTM (Wan, Wang, Papir, Lopez Moreno, ICASSP 2018): the last frame is the embedding."""

from dataclasses import replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.encoder import SpeakerEncoder, chosen
from joint.encoders.frames import Frames, frame_counts
from joint.encoders.frontends.filterbank import Frontend
from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.units import SAMPLE_RATE


class LstmBackbone(nn.Module):
    """Unidirectional LSTM layers: `(B, F, features)` → `(B, F, hidden)`."""

    def __init__(self, features: int = 40, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.output_dim = hidden
        self.lstms = nn.ModuleList(
            nn.LSTM(features if i == 0 else hidden, hidden) for i in range(layers)
        )

    def forward(self, frames: Frames) -> tuple[Frames, dict[str, Frames]]:
        """The last layer, and every layer by name."""
        x, layers = frames.features.transpose(0, 1), {}
        for i, lstm in enumerate(self.lstms):
            x, _ = cast(tuple[Tensor, Tensor], lstm(x))
            layers[f"lstm{i + 1}"] = frames.with_features(x.transpose(0, 1))
        return layers[f"lstm{len(self.lstms)}"], layers


class LastFramePooling(nn.Module):
    """Each recording's last own frame: `(B, F, D)` → `(B, D)`."""

    def __init__(self, input_dim: int) -> None:
        super().__init__()
        self.output_dim = input_dim

    def forward(self, frames: Frames) -> Tensor:
        """See the class."""
        x, mask = frames.features, frames.mask
        if mask is None:
            return x[:, -1].float()
        return x[torch.arange(len(x), device=x.device), frame_counts(mask) - 1].float()


class DVectorEncoder(SpeakerEncoder):
    """The LSTM encodes windows of a recording, never the whole: each becomes a vector of length 1
    after a ReLU, and the embedding is their mean, again of length 1 (Wan et al., section 3.2).

    A window lasts `window` frames, `rate` of them begin each second. The last is kept where
    `coverage` of it is recording, the rest silence; a recording shorter than a window has one.
    """

    def __init__(
        self,
        frontend: Frontend,
        backbone: nn.Module,
        embedding_dim: int = 256,
        window: int = 160,
        rate: float = 1.3,
        coverage: float = 0.75,
    ) -> None:
        super().__init__(frontend, backbone, LastFramePooling, embedding_dim, norm=False)
        self.window, self.coverage = window, coverage
        lowest, highest = (SAMPLE_RATE / frontend.hop / frames for frames in (window, 1))
        if not lowest <= rate <= highest:
            raise ConfigError("rate", f"{rate:g}", f"windows a second, {lowest:g} to {highest:g}")
        self.step = round(SAMPLE_RATE / rate / frontend.hop)

    def forward(
        self,
        waveform: Tensor,
        lengths: Tensor | None = None,
        layers: tuple[str, ...] | None = (),
    ) -> SpeakerEncoding:
        """See SpeakerEncoder. All windows of a batch are one batch of the LSTM; a frame comes from
        the first window that holds it, which has the most context before it."""
        if lengths is None:
            lengths = torch.full((waveform.shape[0],), waveform.shape[1], device=waveform.device)
        counts = self.window_count(lengths)
        ends = self.window + self.step * (counts - 1)
        frames, most = int(ends.max()), int(counts.max())
        samples = (frames - 1) * self.frontend.hop + self.frontend.window
        silence = max(0, samples - waveform.shape[1])
        features = self.frontend(F.pad(waveform, (0, silence)), lengths)

        windows = features.features[:, :frames].unfold(1, self.window, self.step).transpose(2, 3)
        present = torch.arange(most, device=counts.device) < counts[:, None]
        last, inner = self.backbone(Frames(windows[present], None, features.hop, features.offset))
        vectors = F.normalize(F.relu(self.projection(self.pooling(last)).float()), dim=1)
        total = vectors.new_zeros(len(counts), self.embedding_dim)
        total = total.index_add(0, present.nonzero()[:, 0], vectors)

        position = torch.arange(frames, device=ends.device)
        mask = features.full_mask()[:, :frames] & (position < ends[:, None])
        return SpeakerEncoding(
            embedding=F.normalize(total, dim=1),
            frames=self._joined(last.features, present).transpose(1, 2),
            frame_mask=mask,
            waveform=waveform,
            lengths=lengths,
            layers={
                name: replace(
                    inner[name], features=self._joined(inner[name].features, present), mask=mask
                ).layer()
                for name in chosen(layers, inner)
            },
        )

    def window_count(self, lengths: Tensor) -> Tensor:
        """Windows of recordings of so many Samples, `(B,)`."""
        begins = (self.frontend.frame_count(lengths) - self.window + self.step).clamp(min=0)
        counts = 1 + begins // self.step
        hop = self.frontend.hop
        covered = lengths - (counts - 1) * self.step * hop
        dropped = (covered < self.coverage * self.window * hop) & (counts > 1)
        return counts - dropped.long()

    def _joined(self, x: Tensor, present: Tensor) -> Tensor:
        """Windows `(N, window, D)` of the recordings that `present (B, W)` says, end to end."""
        windows = x.new_zeros(*present.shape, *x.shape[1:])
        windows[present] = x
        later = windows[:, 1:, self.window - self.step :].flatten(1, 2)
        return torch.cat([windows[:, 0], later], dim=1)
