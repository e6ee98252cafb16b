"""One block of TF-GridNet: along frequency, along time, and between whole frames."""

import math

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from tasks.extraction.extractors.grid.attention import FullBandAttention


class WindowedLstm(nn.Module):
    """A bidirectional LSTM whose steps read `kernel` positions every `hop`; added to its input."""

    def __init__(self, features: int, hidden: int, kernel: int, hop: int) -> None:
        super().__init__()
        self.kernel, self.hop = kernel, hop
        self.norm = nn.LayerNorm(features)
        self.lstm = nn.LSTM(kernel * features, hidden, bidirectional=True)
        self.linear: nn.Module
        if kernel == hop:
            self.linear = nn.Linear(2 * hidden, kernel * features)
        else:
            self.linear = nn.ConvTranspose1d(2 * hidden, features, kernel, hop)

    def forward(self, x: Tensor) -> Tensor:
        """`(L, R, features)`, R sequences of L positions → the same."""
        y = self.norm(x)
        if self.kernel == self.hop:
            steps, _ = self.lstm(rearrange(y, "(l k) r n -> l r (k n)", k=self.kernel))
            y = rearrange(self.linear(steps), "l r (k n) -> (l k) r n", k=self.kernel)
        else:
            steps, _ = self.lstm(y.unfold(0, self.kernel, self.hop).flatten(2))
            y = rearrange(self.linear(rearrange(steps, "l r h -> r h l")), "r n l -> l r n")
        return x + y


class GridBlock(nn.Module):
    """LSTMs across the frequencies of a frame and along the frames of a frequency, then attention
    between frames (Wang et al., TASLP 2023, §IV). Any number of frames; `bins` frequencies."""

    def __init__(
        self,
        features: int,
        bins: int,
        hidden: int,
        kernel: int,
        hop: int,
        heads: int,
        query_dim: int,
    ) -> None:
        super().__init__()
        self.kernel, self.hop = kernel, hop
        self.across = WindowedLstm(features, hidden, kernel, hop)
        self.along = WindowedLstm(features, hidden, kernel, hop)
        self.attention = FullBandAttention(features, bins, heads, query_dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, bins, features)` → the same."""
        batch, frames, bins, _ = x.shape
        (before, t_after), (_, f_after) = self.padding(frames), self.padding(bins)
        x = F.pad(x, (0, 0, before, f_after, before, t_after))
        x = rearrange(self.across(rearrange(x, "b t f n -> f (b t) n")), "f r n -> r f n")
        x = rearrange(self.along(rearrange(x, "(b t) f n -> t (b f) n", b=batch)), "t r n -> r t n")
        x = rearrange(x, "(b f) t n -> b t f n", b=batch)
        x = x[:, before : before + frames, before : before + bins]
        y: Tensor = x + self.attention(x)
        return y

    def padding(self, length: int) -> tuple[int, int]:
        """Zeros before and after `length` positions, so that as many steps read each of them."""
        overlap = self.kernel - self.hop
        steps = math.ceil((length + 2 * overlap - self.kernel) / self.hop)
        return overlap, steps * self.hop + self.kernel - length - overlap
