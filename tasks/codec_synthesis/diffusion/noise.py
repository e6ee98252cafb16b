"""Discrete diffusion: codes are step by step masked, or replaced by others; and the way back."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.errors import ConfigError


class MaskAndReplace(nn.Module):
    """In each step a code becomes a mask with probability γ, or any of the K codes with β each, or
    stays; a mask stays one (Gu et al., VQ-Diffusion, CVPR 2022, section 4.1).

    Over all steps the share of codes that stay falls linearly from 1 to 0, that of masks rises to
    `masked`, and that of random codes to the rest.

    Args:
        size: Number of codes, K; the mask is code K.
        steps: T. Raises ConfigError below 1.
        masked: Raises ConfigError outside 0 to 1, 1 excluded: the posterior divides by the rest.
    """

    kept: Tensor
    masks: Tensor

    def __init__(self, size: int, steps: int = 100, masked: float = 0.9) -> None:
        super().__init__()
        if steps < 1:
            raise ConfigError("diffusion_steps", str(steps), "1 or more")
        if not 0.0 <= masked < 1.0:
            raise ConfigError("masked", f"{masked:g}", "0 or more, and less than 1")
        self.size, self.steps = size, steps
        share = torch.arange(steps + 1) / steps
        self.register_buffer("kept", 1.0 - share, persistent=False)
        self.register_buffer("masks", masked * share, persistent=False)

    def between(self, before: Tensor, step: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """α, β and γ, each `(B, 1, 1)`, of all steps behind `before (B,)` up to `step (B,)`."""
        keep = self.kept[step] / self.kept[before]
        unmasked = (1.0 - self.masks[step]) / (1.0 - self.masks[before])
        replace = (unmasked - keep) / self.size
        return keep[:, None, None], replace[:, None, None], 1.0 - unmasked[:, None, None]

    def probabilities(self, codes: Tensor, step: Tensor) -> Tensor:
        """q(x_t | x_0) of all codes and the mask, `(B, T, K + 1)`, at `step (B,)`, where at step 0
        there are the `codes (B, T)`."""
        keep, replace, mask = self.between(torch.zeros_like(step), step)
        clean = F.one_hot(codes, self.size).to(keep.dtype)
        return torch.cat([keep * clean + replace, mask.expand(*codes.shape, 1)], dim=2)

    def noised(self, codes: Tensor, step: Tensor) -> Tensor:
        """A draw of it, `(B, T)`."""
        drawn = torch.multinomial(self.probabilities(codes, step).flatten(0, 1), 1)
        return drawn.view_as(codes)

    def posterior(self, start: Tensor, noisy: Tensor, step: Tensor, before: Tensor) -> Tensor:
        """Σ q(x_s | x_t, x_0) p(x_0) over x_0, `(B, T, K + 1)`, of an earlier step s, `before
        (B,)`: by Bayes for each x_0 (section 4.1), and for an estimate of it (section 4.2).

        Args:
            start: p(x_0) `(B, T, K)`.
            noisy: x_t `(B, T)`, at the `step (B,)`.
        """
        zero = torch.zeros_like(step)
        weight = start / self._likelihood(noisy, zero, step)
        keep, replace, mask = self.between(zero, before)
        total = weight.sum(dim=2, keepdim=True)
        prior = torch.cat([keep * weight + replace * total, mask * total], dim=2)
        from_mask = (noisy == self.size).to(prior.dtype)[..., None]
        return prior * torch.cat([self._likelihood(noisy, before, step), from_mask], dim=2)

    def _likelihood(self, noisy: Tensor, before: Tensor, step: Tensor) -> Tensor:
        """q(x_t | x_s) of each code x_s, `(B, T, K)`, where x_t is `noisy (B, T)`."""
        keep, replace, mask = self.between(before, step)
        same = F.one_hot(noisy, self.size + 1)[..., :-1].to(keep.dtype)
        return torch.where(noisy[..., None] == self.size, mask, keep * same + replace)
