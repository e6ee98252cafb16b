"""UnitContent: the unit of each frame (ControlVC)."""

import torch
from torch import Tensor, nn

from joint.data.corpus import Corpus
from joint.errors import ConfigError
from tasks.conversion.content.base import Content, Read, Speech, Targets, instance_normalised
from tasks.conversion.content.features import FrameFeatures
from tasks.conversion.units import Codebook


class UnitContent(Content):
    """Discrete units: the nearest of k-means' centroids, each with a learnt embedding (Polyak et
    al., Interspeech 2021; with pitch and rate that change over time: Chen and Duan, "ControlVC",
    2022). There is no loss: what units do not hold is lost, the speaker with it.

    Args:
        features: What is clustered.
        units: A codebook that `joint units` wrote, read before a training begins; a checkpoint
            holds its own.
        count: Of units in it.
        width: Channels of an embedding.
    """

    centroids: Tensor

    def __init__(
        self,
        features: FrameFeatures,
        units: str | None = None,
        count: int = 100,
        width: int = 128,
    ) -> None:
        super().__init__()
        self.features, self.units, self.width = features, units, width
        self.embedding = nn.Embedding(count, width)
        self.register_buffer("centroids", torch.zeros(count, features.width))

    @property
    def layers(self) -> frozenset[str]:
        """See Content."""
        return self.features.layers

    def setup(self, corpus: Corpus) -> None:
        """See Content: the centroids. Raises ConfigError where there are none or they do not fit,
        DataError for a file that is no codebook."""
        if self.centroids.any():
            return
        where = "content.units"
        if self.units is None:
            raise ConfigError(where, "none", "a codebook that `joint units` wrote")
        codebook = Codebook.load(self.units)
        if codebook.layer != self.features.name:
            found = f"units of {codebook.layer or 'an unnamed layer'} in {self.units}"
            raise ConfigError(where, found, f"units of {self.features.name}")
        if codebook.centroids.shape != tuple(self.centroids.shape):
            count, width = self.centroids.shape
            found = f"{' x '.join(map(str, codebook.centroids.shape))} numbers in {self.units}"
            raise ConfigError(where, found, f"{count} x {width}, as count and layer say")
        self.centroids.copy_(torch.from_numpy(codebook.centroids))

    def index(self, speech: Speech) -> Tensor:
        """The unit of each frame, `(B, F)`."""
        with torch.no_grad():
            frames = instance_normalised(self.features(speech), speech.mask)
            # ‖x − c‖² without what is the same for all units
            nearer = frames @ self.centroids.T - 0.5 * self.centroids.square().sum(dim=1)
            return nearer.argmax(dim=2)

    def forward(self, speech: Speech, targets: Targets | None = None) -> Read:
        """See Content."""
        return Read(self.embedding(self.index(speech)) * speech.mask)
