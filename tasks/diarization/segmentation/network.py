"""The segmentation head: the encoder's frames of a window to powerset classes."""

import torch
from torch import Tensor, nn

from joint.encoders.frames import Frames, frame_counts
from joint.task import WINDOWS, Encode
from joint.units import Samples

SPREAD = 5.0
"""Factor of the coordinates: unit embeddings of two speakers are 0.3 from their mean. Without it a
training of minutes does not find that they matter: a quarter of the speech is still confused, with
it a tenth."""


class BothDirections(nn.Module):
    """A bidirectional LSTM whose backward direction begins at each window's own last frame. Packed
    sequences do that too, and take ten times as long on a CPU."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(width, hidden, batch_first=True)
        self.back = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, x: Tensor, counts: Tensor) -> Tensor:
        """`x (B, F, D)` with `counts (B,)` frames → `(B, F, 2·hidden)`."""
        onward, _ = self.onward(x)
        turned, _ = self.back(turned_round(x, counts))
        return torch.cat([onward, turned_round(turned, counts)], dim=2)


def turned_round(x: Tensor, counts: Tensor) -> Tensor:
    """`x (B, F, D)` with the first `counts (B,)` frames of each row in reverse order."""
    place = torch.arange(x.shape[1], device=x.device)
    back = counts[:, None] - 1 - place
    return x.gather(1, torch.where(back < 0, place, back).unsqueeze(-1).expand_as(x))


class SegmentationNetwork(nn.Module):
    """Bidirectional LSTMs on the encoder's frames and on how its embeddings move in the window.

    Which frames share a speaker is what the encoder knows best: short pieces of the window are
    embedded, and their unit embeddings, less their mean, enter by their coordinates on the window's
    own `axes` principal axes, which of two speakers are two points whoever the two are. No gradient
    goes back into them.

    Args:
        feature_dim: channels of the encoder's frames.
        classes: numbers for each frame.
        hidden: units of each direction.
        piece, step: length of the pieces and the distance of two, in Samples.
    """

    def __init__(
        self,
        feature_dim: int,
        classes: int,
        width: int = 128,
        hidden: int = 96,
        layers: int = 2,
        axes: int = 3,
        piece: Samples = 16_000,
        step: Samples = 8_000,
    ) -> None:
        super().__init__()
        self.axes, self.piece, self.step = axes, piece, step
        self.norm = nn.LayerNorm(feature_dim)
        self.project = nn.Linear(feature_dim, width)
        self.place = nn.Linear(axes, width, bias=False)
        self.recurrent = nn.ModuleList(
            BothDirections(2 * hidden if layer else width, hidden) for layer in range(layers)
        )
        self.output = nn.Linear(2 * hidden, classes)

    def forward(
        self,
        frames: Frames,
        encode: Encode,
        window: Tensor,
        lengths: Tensor,
        units: Tensor | None = None,
    ) -> Tensor:
        """Logits `(B, F, C)`, float32, of `window (B, S)` with `lengths (B,)` in Samples and its
        `frames (B, F, D)`; `units (B, K, E)` are what `embedded` gives, where they are known."""
        x = self.project(self.norm(frames.features))
        if units is None:
            units = self.embedded(encode, window, lengths)
        x = x + self.place(self.coordinates(frames, units, lengths)).to(x.dtype)
        counts = frame_counts(frames.full_mask()).clamp(min=1)
        x = nn.functional.gelu(x)
        for layer in self.recurrent:
            x = layer(x, counts)
        logits: Tensor = self.output(x).float()
        return logits

    @torch.no_grad()
    def embedded(self, encode: Encode, window: Tensor, lengths: Tensor) -> Tensor:
        """Unit embeddings `(B, K, E)` of the pieces of `window (B, S)`; of those beyond its end
        too."""
        short = max(0, self.piece - window.shape[1])
        pieces = nn.functional.pad(window, (0, short)).unfold(1, self.piece, self.step)
        batch, count = pieces.shape[:2]
        own = lengths.clamp(max=self.piece)[:, None].expand(batch, count).contiguous()
        given = encode(pieces.contiguous(), own, WINDOWS).embedding.float()
        return nn.functional.normalize(given, dim=1).unflatten(0, (batch, count))

    @torch.no_grad()
    def coordinates(self, frames: Frames, units: Tensor, lengths: Tensor) -> Tensor:
        """Coordinates `(B, F, axes)` of the pieces' `units (B, K, E)`, interpolated between the
        pieces' middles."""
        batch, count = units.shape[:2]
        whole = (1 + (lengths - self.piece).clamp(min=0) // self.step).clamp(max=count)
        inside = torch.arange(count, device=whole.device) < whole[:, None]
        axes = principal(units, inside, self.axes)
        centres = frames.offset + frames.hop * torch.arange(
            frames.features.shape[1], device=whole.device
        )
        position = ((centres - self.piece / 2) / self.step).clamp(min=0).expand(batch, -1)
        position = torch.minimum(position, (whole - 1)[:, None])
        before = position.floor().long()
        after = torch.minimum(before + 1, (whole - 1)[:, None])
        share = (position - before).unsqueeze(-1)
        size = (-1, -1, self.axes)
        axes = SPREAD * axes
        first = axes.gather(1, before.unsqueeze(-1).expand(size))
        second = axes.gather(1, after.unsqueeze(-1).expand(size))
        return first + share * (second - first)


def principal(units: Tensor, inside: Tensor, axes: int) -> Tensor:
    """Coordinates `(B, K, axes)` of `units (B, K, E)` on their own principal axes, where `inside
    (B, K)`; the sign of an axis is that of its first point; axes that are not there are 0."""
    weight = inside.unsqueeze(-1).to(units.dtype)
    centred = (units - (units * weight).sum(1, True) / weight.sum(1, True)) * weight
    left, values, _ = torch.linalg.svd(centred, full_matrices=False)
    found = (left * values[:, None])[..., :axes]
    sign = torch.where(found[:, :1] < 0, -1.0, 1.0)
    return nn.functional.pad(found * sign, (0, max(0, axes - found.shape[-1])))
