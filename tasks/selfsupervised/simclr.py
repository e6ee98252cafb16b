"""SimCLR: two segments of one utterance are alike, segments of others in the batch are not."""

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.errors import ConfigError
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.selfsupervised.segments import SegmentTask, segments_of


class SimClr(SegmentTask):
    """The normalised temperature-scaled cross-entropy of Chen et al., ICML 2020 (eq. 1), on the
    embeddings themselves, as for speakers Zhang et al., ICASSP 2021, have it.

    A process compares the segments of its own share of a batch.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = positive("temperature", temperature)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `2·B` first and second segments; `accuracy` is how often the other segment
        of the utterance is the most similar one."""
        audio, lengths = segments_of(batch, 2)
        embedding = encode(audio, lengths, ENROLLMENT).embedding.unflatten(0, audio.shape[:2])
        return contrast(embedding[:, 0], embedding[:, 1], self.temperature)


def contrast(first: Tensor, second: Tensor, temperature: float) -> TaskOutput:
    """NT-Xent of `first` and `second (B, E)`, row by row a pair."""
    with torch.autocast(first.device.type, enabled=False):
        both = F.normalize(torch.cat([first, second]).float())
        scores = both @ both.T / temperature
    count = len(first)
    scores = scores.masked_fill(
        torch.eye(2 * count, dtype=torch.bool, device=scores.device), float("-inf")
    )
    partner = torch.arange(2 * count, device=scores.device).roll(count)
    found = (scores.argmax(dim=1) == partner).float().mean()
    return TaskOutput(F.cross_entropy(scores, partner), 2 * count, {"accuracy": found})


def positive(name: str, value: float) -> float:
    """`value`. Raises ConfigError for one that is not above 0."""
    if value <= 0:
        raise ConfigError(name, f"{value:g}", "more than 0")
    return value
