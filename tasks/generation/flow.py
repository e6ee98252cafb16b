"""A normalising flow that depends on a condition, by the package zuko."""

import torch
from torch import Tensor, nn

from joint.errors import ConfigError


class ConditionalFlow(nn.Module):
    """Autoregressive affine transforms of a standard normal distribution, conditioned on a vector
    (Bilinski, Merritt, Ezzerg, Pokora, Cygert, Yanagisawa, Barra-Chicote, Korzekwa, "Creating new
    voices using normalizing flows", Interspeech 2022; masked autoregressive flow: Papamakarios,
    Pavlakou, Murray, NeurIPS 2017).

    Args:
        dim: A of what is modelled.
        condition_dim: C of the condition.
        transforms: number of transforms.
        hidden: units of the two hidden layers of each.

    Raises ConfigError without the package zuko.
    """

    def __init__(self, dim: int, condition_dim: int, transforms: int = 2, hidden: int = 32) -> None:
        super().__init__()
        try:
            import zuko
        except ImportError:
            expected = "pip install 'joint-speaker[generation]', or a mixture"
            raise ConfigError("flow", "no package zuko", expected) from None
        self.dim = dim
        self.flow = zuko.flows.MAF(
            dim, condition_dim, transforms=transforms, hidden_features=(hidden, hidden)
        )

    def start(self, z: Tensor, condition: Tensor) -> None:
        """A flow begins as it is built."""

    def normalised(self, z: Tensor, condition: Tensor) -> Tensor:
        """What is standard normal where z is distributed as the flow: `(B, A)` → `(B, A)`."""
        noise: Tensor = self.flow(condition).transform(z)
        return noise

    def restored(self, noise: Tensor, condition: Tensor) -> Tensor:
        """The inverse of `normalised`."""
        z: Tensor = self.flow(condition).transform.inv(noise)
        return z

    def log_prob(self, z: Tensor, condition: Tensor) -> Tensor:
        """log p(z | c): `(B, A)` and `(B, C)` → `(B,)`."""
        density: Tensor = self.flow(condition).log_prob(z)
        return density

    def sample(self, condition: Tensor, generator: torch.Generator) -> Tensor:
        """One z for each condition: `(B, C)` → `(B, A)`."""
        noise = torch.randn(len(condition), self.dim, generator=generator)
        return self.restored(noise, condition)
