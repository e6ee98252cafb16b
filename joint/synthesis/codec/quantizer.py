"""Residual vector quantisation: codebooks one behind the other, each for what the former leave."""

from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn

from joint.errors import ConfigError

DEAD = 0.1
"""Share of the mean use of a codebook's vectors under which one of them is dead."""


class Codebook(nn.Module):
    """Vectors that are the moving averages of what is nearest to them (van den Oord et al., NeurIPS
    2017, appendix A.1); dead ones are replaced by random inputs, with which it begins too
    (Zeghidour et al., SoundStream, TASLP 2022, section III-C).

    Args:
        size, width: Number of vectors, and their channels.
        decay: Of the moving averages, a step.
    """

    vectors: Tensor
    use: Tensor

    def __init__(self, size: int, width: int, decay: float = 0.97) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("vectors", torch.zeros(size, width))
        self.register_buffer("use", torch.zeros(size))

    @property
    def trained(self) -> bool:
        """Whether it has seen any input."""
        return bool(self.use.any())

    def nearest(self, x: Tensor) -> Tensor:
        """The number of the vector nearest to each of `x (…, width)`: `(…,)` int64."""
        flat = x.detach().float().flatten(0, -2)
        with torch.autocast(x.device.type, enabled=False):
            distances = self.vectors.square().sum(dim=1) - 2.0 * flat @ self.vectors.T
        return distances.argmin(dim=1).view(x.shape[:-1])

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Move the vectors towards the inputs `x (N, width)`, of all processes together."""
        x = x.detach().float()
        if not len(x):
            x = self.vectors.new_zeros(0, self.vectors.shape[1])
        elif not self.trained:
            self.vectors.copy_(self._drawn(x, len(self.vectors)))
        counts = torch.zeros_like(self.use)
        sums = torch.zeros_like(self.vectors)
        if len(x):
            codes = self.nearest(x)
            counts.index_add_(0, codes, torch.ones_like(x[:, 0]))
            sums.index_add_(0, codes, x)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        mean = counts.mean()
        if not mean:
            return
        former = self.use if self.trained else mean.expand_as(self.use)
        use = self.decay * former + (1.0 - self.decay) * counts
        moved = self.decay * former[:, None] * self.vectors + (1.0 - self.decay) * sums
        self.vectors.copy_(moved / use.clamp(min=1e-8)[:, None])
        self.use.copy_(use)
        dead = self.use < DEAD * self.use.mean()
        if len(x) and dead.any():
            self.vectors[dead] = self._drawn(x, int(dead.sum()))
            self.use[dead] = self.use.mean()

    @staticmethod
    def _drawn(x: Tensor, count: int) -> Tensor:
        """`count` of the inputs at random, each once where there are enough."""
        rounds = -(-count // len(x))
        order = torch.cat([torch.randperm(len(x)) for _ in range(rounds)])[:count]
        return x[order.to(x.device)]


class Quantized(NamedTuple):
    """`latent (B, C, D)` is the sum of the chosen vectors and has the input's gradient; `codes (B,
    C, Q)`; `commitment` the mean squared distance of what is quantised from its vectors; `first (B,
    C, D)` the first quantiser's vectors, with the input's gradient too."""

    latent: Tensor
    codes: Tensor
    commitment: Tensor
    first: Tensor


class ResidualQuantizer(nn.Module):
    """Codes of Q quantisers, the first for the input, each other one for what is left (Zeghidour et
    al., SoundStream, TASLP 2022, algorithm 1).

    Args:
        quantizers: How many, Q; raises ConfigError below 1.
        size, width, decay: See Codebook.
        dropout: Share of the training's recordings that only a random number of the quantisers, 1
            to Q, is used for, so that fewer of them do too (section III-D there).
    """

    def __init__(
        self,
        quantizers: int = 8,
        size: int = 1024,
        width: int = 64,
        dropout: float = 0.5,
        decay: float = 0.97,
    ) -> None:
        super().__init__()
        if quantizers < 1:
            raise ConfigError("quantizers", str(quantizers), "1 or more")
        self.codebooks = nn.ModuleList(Codebook(size, width, decay) for _ in range(quantizers))
        self.size, self.width, self.dropout = size, width, dropout

    def __len__(self) -> int:
        return len(self.codebooks)

    @property
    def trained(self) -> bool:
        """Whether its codebooks have seen any input."""
        first = self.codebooks[0]
        assert isinstance(first, Codebook)
        return first.trained

    def forward(self, x: Tensor) -> Quantized:
        """Quantise `x (B, C, D)`; in training the codebooks move too."""
        x = x.float()
        counts = self._counts(len(x)).to(x.device)
        left, chosen, total = x, [], torch.zeros_like(x)
        commitment, first = x.new_zeros(()), x
        for place, codebook in enumerate(self.codebooks):
            assert isinstance(codebook, Codebook)
            used = (counts > place)[:, None, None]
            if self.training:
                codebook.update(left[used[:, 0, 0]].flatten(0, 1))
            codes = codebook.nearest(left)
            vectors = codebook.vectors[codes]
            distance = (left - vectors).square().mean(dim=2, keepdim=True)
            share = used.sum().clamp(min=1) * x.shape[1]
            commitment = commitment + (distance * used).sum() / share / len(self)
            if place == 0:
                first = x + (vectors - x).detach()
            left, total = left - vectors, total + vectors * used
            chosen.append(codes)
        return Quantized(x + (total - x).detach(), torch.stack(chosen, 2), commitment, first)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The codes `(B, C, Q)` int64 of `x (B, C, D)`; nothing moves."""
        left, chosen = x.float(), []
        for codebook in self.codebooks:
            assert isinstance(codebook, Codebook)
            codes = codebook.nearest(left)
            left = left - codebook.vectors[codes]
            chosen.append(codes)
        return torch.stack(chosen, 2)

    def vectors(self, codes: Tensor) -> Tensor:
        """The vectors `(B, C, Q', D)` of `codes (B, C, Q')`, those of the first Q' quantisers."""
        found = []
        for place in range(codes.shape[2]):
            codebook = self.codebooks[place]
            assert isinstance(codebook, Codebook)
            found.append(codebook.vectors[codes[..., place]])
        return torch.stack(found, 2)

    def decode(self, codes: Tensor) -> Tensor:
        """The latent `(B, C, D)` of `codes (B, C, Q')`."""
        return self.vectors(codes).sum(dim=2)

    def _counts(self, rows: int) -> Tensor:
        """Quantisers that are used for each of `rows` recordings."""
        every = torch.full((rows,), len(self))
        if not self.training:
            return every
        fewer = torch.randint(1, len(self) + 1, (rows,))
        return torch.where(torch.rand(rows) < self.dropout, fewer, every)
