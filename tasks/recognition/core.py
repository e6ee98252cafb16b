"""The network that all topologies of the recogniser share: a Conformer in two halves.

waveform ─► filterbank ─► subsampling by 4 ─► lower blocks ─► (topology) ─► upper blocks ─► CTC

The blocks are the project's own, so that a padded recording gives what it gives alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from joint.encoders.backbones.conformer import ConformerBlock, Subsampling, relative_positions
from joint.encoders.frames import Frames, frame_counts
from joint.encoders.frontends.filterbank import Frontend
from joint.units import Samples


class ConformerStack(nn.Module):
    """Conformer blocks, `(B, F, width)` → the same."""

    def __init__(
        self, width: int, blocks: int, heads: int, hidden: int, kernel: int, dropout: float
    ) -> None:
        super().__init__()
        self.width = width
        self.blocks = nn.ModuleList(
            # batch norm would count the padding
            ConformerBlock(width, heads, hidden, kernel, dropout, norm=nn.LayerNorm)
            for _ in range(blocks)
        )

    def forward(self, frames: Frames) -> Frames:
        """See the class."""
        x = frames.features
        positions = relative_positions(x.shape[1], self.width, x)
        for block in self.blocks:
            x = block(x, positions, frames.mask)
        return frames.with_features(x)


@dataclass(frozen=True)
class Posteriors:
    """The output of the core: CTC's `log_probabilities (B, F, V)`, float32, of which `frames (B,)`
    count, and the `hidden (B, F, N)` frames of the last block, for an attention decoder."""

    log_probabilities: Tensor
    frames: Tensor
    hidden: Frames


class RecognizerCore(nn.Module):
    """A Conformer (Gulati et al., Interspeech 2020) of `lower` and `upper` blocks, between which a
    topology conditions it on a speaker; one frame for every 4 of `frontend`.

    `vocabulary` counts the units, blank included.
    """

    def __init__(
        self,
        frontend: Frontend,
        vocabulary: int,
        width: int = 144,
        lower: int = 4,
        upper: int = 4,
        heads: int = 4,
        hidden: int = 576,
        kernel: int = 15,
        dropout: float = 0.1,
        channels: int = 32,
    ) -> None:
        super().__init__()
        self.frontend, self.width = frontend, width
        self.subsampling = Subsampling(frontend.output_dim, width, channels)
        self.block = heads, hidden, kernel, dropout
        self.lower, self.upper = self.stack(lower), self.stack(upper)
        self.output = nn.Linear(width, vocabulary)

    def stack(self, blocks: int) -> ConformerStack:
        """A stack of blocks like the core's own."""
        return ConformerStack(self.width, blocks, *self.block)

    @property
    def hop(self) -> Samples:
        """Distance between frames."""
        return 4 * self.frontend.hop

    def encode(self, waveform: Tensor, lengths: Tensor) -> Frames:
        """The lower half: `waveform (B, S)`, `lengths (B,)` in Samples → frames of `width`, every
        `hop` Samples."""
        encoded: Frames = self.lower(self.subsampling(self.frontend(waveform, lengths)))
        return encoded

    def decode(self, encoded: Frames) -> Posteriors:
        """The upper half: frames of `width` → posteriors of the units."""
        hidden: Frames = self.upper(encoded)
        with torch.autocast(encoded.features.device.type, enabled=False):
            scores = self.output(hidden.features.float())
        frames = frame_counts(hidden.full_mask())
        return Posteriors(scores.log_softmax(dim=-1), frames, hidden)
