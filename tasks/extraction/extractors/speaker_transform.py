"""A small network between the speaker's embedding and an extractor."""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from joint.outputs import SpeakerEncoding
from tasks.extraction.extractor import Estimate, Extractor


class SpeakerTransform(Extractor):
    """Gives `extractor` a transformed embedding of the same size, so that an encoder that is frozen
    may still serve extraction (WeSep's `use_spk_transform`, Wang et al., Interspeech 2024).

    `extractor` is called with `embedding_dim`; the frames of the encoding stay as they are.
    """

    def __init__(
        self, embedding_dim: int, extractor: Callable[..., Extractor], hidden: int = 128
    ) -> None:
        super().__init__()
        self.transform = nn.Sequential(
            nn.Linear(embedding_dim, hidden),
            nn.Linear(hidden, hidden),
            nn.Tanh(),
            nn.Linear(hidden, embedding_dim),
        )
        self.extractor = extractor(embedding_dim=embedding_dim)

    def forward(self, mixture: Tensor, encoding: SpeakerEncoding) -> Estimate:
        """See Extractor."""
        embedding = self.transform(encoding.embedding)
        estimate: Estimate = self.extractor(mixture, replace(encoding, embedding=embedding))
        return estimate
