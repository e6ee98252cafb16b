"""A density over the embeddings of one encoder, from which voices that nobody has are drawn."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from joint.seeding import seed_for
from joint.training.building.objects import build
from tasks.generation.space import EmbeddingSpace
from tasks.generation.vocabulary import Description, Vocabulary


class Condition(Protocol):
    """Descriptions as vectors `(B, C)`."""

    dim: int

    def learn(self, rng: np.random.Generator) -> None:
        """What is learnt before a density is fitted, from texts alone."""

    def __call__(self, descriptions: Sequence[Description]) -> Tensor:
        """Descriptions → `(B, C)`."""


class ConditionalDensity(Protocol):
    """p(z | c) of the axes z `(B, A)` and a condition c `(B, C)`."""

    def start(self, z: Tensor, condition: Tensor) -> None:
        """Parameters from which to fit, by items `(N, A)` and their conditions `(N, C)`."""

    def log_prob(self, z: Tensor, condition: Tensor) -> Tensor:
        """log p(z | c): → `(B,)`."""

    def sample(self, condition: Tensor, generator: torch.Generator) -> Tensor:
        """One z for each condition: → `(B, D)`."""


class VoiceDensity(nn.Module):
    """p(embedding | description): a density of some axes, conditioned on what a description says,
    and Gaussians for the rest.

    Args:
        space: fitted to the embeddings.
        vocabulary: of the descriptions.
        settings: nodes with `_target_`, `condition` (such as `AttributeCondition`) and `density`
            (such as `ConditionalMixture`), as `joint.training.building.objects.build` takes them.

    Raises ConfigError for settings that build nothing.
    """

    def __init__(
        self, space: EmbeddingSpace, vocabulary: Vocabulary, settings: dict[str, Any]
    ) -> None:
        super().__init__()
        self.space, self.vocabulary, self.settings = space, vocabulary, settings
        self.condition = build(settings.get("condition"), "condition", vocabulary=vocabulary)
        self.density = build(
            settings.get("density"),
            "density",
            dim=space.axes,
            condition_dim=self.condition.dim,
        )

    def log_prob(self, embeddings: Tensor, descriptions: Sequence[Description]) -> Tensor:
        """log p of `embeddings (B, E)`, each given its description: `(B,)`."""
        z, rest = self.space(embeddings)
        found: Tensor = self.density.log_prob(z, self.condition(descriptions)) + rest
        return found

    @torch.no_grad()
    def sample(self, descriptions: Sequence[Description], seed: int = 0) -> np.ndarray:
        """One embedding for each description, `(B, E)` float32: the same seed gives the same.

        Of one description several voices are drawn by giving it several times.
        """
        self.eval()
        generator = torch.Generator().manual_seed(seed_for(seed, "voices"))
        z = self.density.sample(self.condition(descriptions), generator)
        drawn: np.ndarray = self.space.inverse(z, generator).numpy()
        return drawn
