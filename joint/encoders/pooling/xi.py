"""xi-vector pooling: every frame has a precision (Lee, Wang and Koshinaka, IEEE SPL 2021)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import Frames

LARGEST = 15.0
"""Log precisions are kept between minus this and this."""


class XiPooling(nn.Module):
    """The posterior mean of a speaker whose frames are Gaussian observations with precisions that a
    small network estimates, under a learnt prior (eq. 7 and 8): `(B, F, D)` → `(B, D)`.

    With `deviation` the posterior's standard deviation is given as well, `(B, 2D)`.
    """

    def __init__(self, input_dim: int, hidden: int = 256, deviation: bool = False) -> None:
        super().__init__()
        self.output_dim = 2 * input_dim if deviation else input_dim
        self.deviation = deviation
        self.first = nn.Linear(input_dim, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.second = nn.Linear(hidden, input_dim)
        self.prior_mean = nn.Parameter(torch.zeros(input_dim))
        self.prior_log_precision = nn.Parameter(torch.zeros(input_dim))

    def log_precision(self, x: Tensor) -> Tensor:
        """`(B, F, D)` → `(B, F, D)`, float32."""
        hidden = F.relu(self.first(x))
        hidden = self.norm(hidden.flatten(0, 1)).view_as(hidden)
        root = F.softplus(self.second(hidden).float())
        return (2.0 * root.clamp(min=1e-6).log()).clamp(-LARGEST, LARGEST)

    def forward(self, frames: Frames) -> Tensor:
        """See the class."""
        x = frames.features.float()
        certain = self.log_precision(frames.features)
        if frames.mask is not None:
            certain = certain.masked_fill(~frames.mask.unsqueeze(-1), float("-inf"))
        prior = self.prior_log_precision.expand(len(x), 1, -1)
        certain = torch.cat([certain, prior], dim=1)
        x = torch.cat([x, self.prior_mean.expand(len(x), 1, -1)], dim=1)
        mean = (torch.softmax(certain, dim=1) * x).sum(dim=1)
        if not self.deviation:
            return mean
        return torch.cat([mean, torch.exp(-0.5 * torch.logsumexp(certain, dim=1))], dim=-1)
