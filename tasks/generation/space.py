"""The space in which densities are fitted: a few axes along which labels of speakers differ, and
Gaussians for all that lies outside of them."""

import math

import torch
from torch import Tensor, nn

from joint.errors import DataError

LEAST_SPEAKERS = 10


class EmbeddingSpace(nn.Module):
    """Embeddings `(B, E)` as `A` axes of their `D` whitened principal components, and a rest: the
    other components, which are standard normal, and the dimensions outside, which are isotropic
    (Tipping and Bishop, "Probabilistic principal component analysis", JRSS B 1999, §3).

    The axes are a rotation of the components; the first ones are those along which labels differ,
    so that a Gaussian of diagonal covariance can be narrow there. With few speakers a density of
    all components memorises these speakers; without the rest a voice would lie nearer to them
    than any real person does.

    Buffers: `mean (E,)`, `basis (E, D)`, `scale (D,)`, `rotation (D, D)`, and `rest ()`, the
    standard deviation of each dimension outside the components.
    """

    mean: Tensor
    basis: Tensor
    scale: Tensor
    rotation: Tensor
    rest: Tensor

    def __init__(self, embedding_dim: int, components: int, axes: int) -> None:
        super().__init__()
        if not 1 <= axes <= components < embedding_dim:
            found = f"{axes} axes of {components} components of {embedding_dim} dimensions"
            raise DataError("space", found, "each fewer than the next")
        self.axes = axes
        self.register_buffer("mean", torch.zeros(embedding_dim))
        self.register_buffer("basis", torch.eye(embedding_dim)[:, :components])
        self.register_buffer("scale", torch.ones(components))
        self.register_buffer("rotation", torch.eye(components))
        self.register_buffer("rest", torch.ones(()))

    @classmethod
    def fit(
        cls, embeddings: Tensor, components: int, axes: int, labels: Tensor | None = None
    ) -> "EmbeddingSpace":
        """The space of `embeddings (N, E)`, one for each speaker, with `labels (N, L)`, 1 for yes
        and 0 for no.

        Raises DataError for too few speakers and for more components than they have.
        """
        count, size = embeddings.shape
        if count < LEAST_SPEAKERS:
            raise DataError("speakers", str(count), f"at least {LEAST_SPEAKERS} to fit a density")
        if not 1 <= components <= count - 2:
            raise DataError("components", str(components), f"1 to {count - 2}, by the speakers")
        space = cls(size, components, axes)
        rows = embeddings.double()
        centred = rows - rows.mean(dim=0)
        _, deviations, directions = torch.linalg.svd(centred, full_matrices=False)
        variances = deviations.square() / (count - 1)
        space.mean.copy_(rows.mean(dim=0))
        space.basis.copy_(directions[:components].T)
        space.scale.copy_(variances[:components].sqrt())
        # over all dimensions outside, also those in which so few speakers do not vary at all
        space.rest.copy_((variances[components:].sum() / (size - components)).sqrt())
        if labels is not None:
            z = centred.float() @ space.basis / space.scale
            space.rotation.copy_(_rotation(z, labels))
        return space

    @property
    def shape(self) -> tuple[int, int, int]:
        """E, D and A."""
        return *self.basis.shape, self.axes

    def forward(self, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, E)` → axes `(B, A)`, and for each embedding the logarithm of the rest's density and
        of the change of volume `(B,)`, which a density of the axes lacks."""
        size, components, axes = self.shape
        centred = embeddings - self.mean
        projected = centred @ self.basis
        outside = centred.square().sum(dim=1) - projected.square().sum(dim=1)
        z = projected / self.scale @ self.rotation
        squares = outside.clamp(min=0.0) / self.rest.square() + z[:, axes:].square().sum(dim=1)
        volume = self.scale.log().sum() + (size - components) * self.rest.log()
        normaliser = 0.5 * (size - axes) * math.log(2 * math.pi)
        return z[:, :axes], -0.5 * squares - normaliser - volume

    def inverse(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Axes `(B, A)` → embeddings `(B, E)`, the rest drawn."""
        size, components, axes = self.shape
        others = torch.randn(len(z), components - axes, generator=generator)
        outside = torch.randn(len(z), size, generator=generator) * self.rest
        outside = outside - outside @ self.basis @ self.basis.T
        whitened = torch.cat([z, others], dim=1) @ self.rotation.T
        return self.mean + outside + (whitened * self.scale) @ self.basis.T


def _rotation(z: Tensor, labels: Tensor) -> Tensor:
    """An orthonormal `(D, D)` whose first columns span the regression of `labels (N, L)` on
    whitened `z (N, D)`, as linear discriminants do, in the order of the labels."""
    effects = z.T @ (labels - labels.mean(dim=0))  # z is white: the regression, but for a factor
    complete, _ = torch.linalg.qr(torch.cat([effects, torch.eye(z.shape[1])], dim=1))
    return complete
