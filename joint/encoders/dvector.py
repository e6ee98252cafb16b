"""d-vector LSTM (Wan, Wang, Papir, Lopez Moreno, ICASSP 2018): the last frame says who spoke."""

from typing import cast

import torch
from torch import Tensor, nn

from joint.encoders.frames import Frames


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
        return x[torch.arange(len(x), device=x.device), mask.sum(dim=1) - 1].float()
