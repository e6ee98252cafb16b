"""Draws of codes from logits."""

import torch
from torch import Tensor


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

    def __call__(self, logits: Tensor) -> int:
        """One of `logits (V,)`."""
        if self.temperature <= 0.0:
            return int(logits.argmax())
        ordered, order = (logits.cpu() / self.temperature).softmax(dim=0).sort(descending=True)
        before = ordered.cumsum(dim=0) - ordered
        kept = torch.where(before < self.top_p, ordered, 0.0)
        return int(order[torch.multinomial(kept, 1, generator=self.generator)])

    def plain(self, logits: Tensor) -> int:
        """One of `logits (V,)`, from all of them; at temperature 0 the most probable."""
        if self.temperature <= 0.0:
            return int(logits.argmax())
        shares = logits.cpu().softmax(dim=0)
        return int(torch.multinomial(shares, 1, generator=self.generator))
