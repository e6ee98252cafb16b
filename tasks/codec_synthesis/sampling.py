"""Draws of codes from logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.synthesis.decoders.base import Sampling


class Draw:
    """Draws from logits with a seed of its own, the same on every device.

    Args:
        temperature: Of the codes; 0: always the most probable.
        top_p: Least probability of the most probable codes that are drawn from (Holtzman et al.,
            ICLR 2020).
    """

    def __init__(self, seed: int, temperature: float = 1.0, top_p: float = 1.0) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.temperature, self.top_p = temperature, top_p

    @classmethod
    def asked(cls, sampling: Sampling, temperature: float, top_p: float) -> "Draw":
        """As the `sampling` says; where it does not, at a task's own `temperature` and `top_p`."""
        return cls(
            sampling.seed,
            temperature if sampling.temperature is None else sampling.temperature,
            top_p if sampling.top_p is None else sampling.top_p,
        )

    def __call__(self, logits: Tensor) -> int:
        """One of `logits (V,)`."""
        return int(self.rows(self.shares(logits[None])))

    def shares(self, logits: Tensor) -> Tensor:
        """The probabilities of `logits (…, V)` at the temperature, 0 outside `top_p`."""
        if self.temperature <= 0.0:
            return F.one_hot(logits.argmax(dim=-1), logits.shape[-1]).to(logits.dtype)
        ordered, order = (logits / self.temperature).softmax(dim=-1).sort(descending=True)
        before = ordered.cumsum(dim=-1) - ordered
        kept = torch.where(before < self.top_p, ordered, 0.0)
        kept = kept / kept.sum(dim=-1, keepdim=True)
        return torch.zeros_like(kept).scatter(-1, order, kept)

    def rows(self, shares: Tensor) -> Tensor:
        """One of each row of probabilities `(N, V)`: `(N,)`."""
        drawn = torch.multinomial(shares.cpu(), 1, generator=self.generator)
        return drawn[:, 0].to(shares.device)

    def plain(self, logits: Tensor) -> int:
        """One of `logits (V,)`, from all of them; at temperature 0 the most probable."""
        if self.temperature <= 0.0:
            return int(logits.argmax())
        shares = logits.cpu().softmax(dim=0)
        return int(torch.multinomial(shares, 1, generator=self.generator))
