"""A mixture of Gaussians whose parameters depend on a condition (TacoSpawn)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_DEVIATION = 0.1
"""Of whitened components: a Gaussian cannot collapse to one speaker."""
RIDGE = 0.02
"""Of the first regression, relative to items."""


class ConditionalMixture(nn.Module):
    """p(z | c) = Σ_k w_k(c) N(z; m_k(c), diag s_k(c)²), all three linear in the condition before
    softmax and softplus (Stanton et al., "Speaker generation", ICASSP 2022, eq. 2).

    Args:
        dim: A of what is modelled.
        condition_dim: C of the condition.
        gaussians: K.
    """

    def __init__(self, dim: int, condition_dim: int, gaussians: int = 4) -> None:
        super().__init__()
        self.dim, self.gaussians = dim, gaussians
        self.weights = nn.Linear(condition_dim, gaussians)
        self.means = nn.Linear(condition_dim, gaussians * dim)
        self.deviations = nn.Linear(condition_dim, gaussians * dim)
        for layer in (self.weights, self.means, self.deviations):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.weights.bias)
        nn.init.normal_(self.means.bias, std=0.5)
        nn.init.constant_(self.deviations.bias, math.log(math.e - 1.0))  # softplus gives 1

    @torch.no_grad()
    def start(self, z: Tensor, condition: Tensor) -> None:
        """Begin from the ridge regression of `z (N, A)` on `condition (N, C)`, the same slopes for
        all Gaussians: likelihood rises sooner by memorising speakers than by these."""
        centre, middle = condition.mean(dim=0), z.mean(dim=0)
        codes = condition - centre
        moments = codes.T @ codes / len(codes) + RIDGE * torch.eye(codes.shape[1])
        slopes = torch.linalg.solve(moments, codes.T @ (z - middle) / len(codes))  # (C, A)
        deviations = (z - middle - codes @ slopes).std(dim=0).clamp(min=2.0 * LEAST_DEVIATION)
        self.means.weight.copy_(slopes.T.repeat(self.gaussians, 1))
        self.means.bias.mul_(deviations.repeat(self.gaussians))
        self.means.bias.add_((middle - centre @ slopes).repeat(self.gaussians))
        self.deviations.bias.copy_(deviations.expm1().log().repeat(self.gaussians))

    def parameters_of(self, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`(B, C)` → logarithms of the weights `(B, K)`, means and deviations `(B, K, A)`."""
        shape = (self.gaussians, self.dim)
        weights = self.weights(condition).log_softmax(dim=1)
        means = self.means(condition).unflatten(1, shape)
        deviations = F.softplus(self.deviations(condition)).clamp(min=LEAST_DEVIATION)
        return weights, means, deviations.unflatten(1, shape)

    def log_prob(self, z: Tensor, condition: Tensor) -> Tensor:
        """log p(z | c): `(B, A)` and `(B, C)` → `(B,)`."""
        weights, means, deviations = self.parameters_of(condition)
        distance = (z[:, None] - means) / deviations
        each = -0.5 * distance.square() - deviations.log() - 0.5 * math.log(2 * math.pi)
        return (weights + each.sum(dim=2)).logsumexp(dim=1)

    def sample(self, condition: Tensor, generator: torch.Generator) -> Tensor:
        """One z for each condition: `(B, C)` → `(B, A)`."""
        weights, means, deviations = self.parameters_of(condition)
        chosen = torch.multinomial(weights.exp(), 1, generator=generator)[:, 0]
        row = torch.arange(len(condition))
        noise = torch.randn(len(condition), self.dim, generator=generator)
        return means[row, chosen] + deviations[row, chosen] * noise
