"""What all adaptation of the encoder has in common: recordings of a source and of a target domain
in one stream."""

from abc import ABC
from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor

from joint.data.corpus import Corpus
from joint.data.joined import JoinedCorpus
from joint.errors import ConfigError
from joint.metrics.pairs import pair_figures
from joint.scene import SceneBatch
from joint.task import EmbeddingTask, Encode

SOURCE, TARGET = "source", "target"
"""Names of the two corpora of `data.train`."""


class DomainTask(EmbeddingTask, ABC):
    """Learns from scenes of the two corpora `source` and `target` of `data.train`; of the target it
    reads recordings alone, no speaker."""

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "utterance"}
    )

    @property
    def fields(self) -> frozenset[str]:
        """See Task: `validate` reads who speaks."""
        return self.requires | {"speaker"}

    def setup(self, corpus: Corpus) -> None:
        """Learn which utterances are of the target domain. Raises ConfigError for a stream that
        reads other corpora than these two."""
        parts = {part.name: part for part in getattr(corpus, "parts", ())}
        if not isinstance(corpus, JoinedCorpus) or set(parts) != {SOURCE, TARGET}:
            found = " and ".join(parts) or "one corpus, or names in the stream's `corpora`"
            expected = f"{SOURCE}: {{path: …}} and {TARGET}: {{path: …}}, and a stream of both"
            raise ConfigError("data.train", found, expected)
        self.target_range = parts[TARGET].start, parts[TARGET].stop

    def of_target(self, batch: SceneBatch) -> Tensor:
        """Whether each scene is of the target domain, `(B,)` bool."""
        assert batch.utterance is not None
        first, end = self.target_range
        found: Tensor = (batch.utterance[:, 0] >= first) & (batch.utterance[:, 0] < end)
        return found

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """See Task: `pair_figures`."""
        return pair_figures(encode, batches)


def mean_of(losses: Tensor) -> tuple[Tensor, int]:
    """The mean of `losses (n,)`, 0 with its graph where there is none, and their number."""
    count = len(losses)
    return (losses.mean() if count else losses.sum()), count


def share_of(right: Tensor) -> Tensor:
    """The share of True in `right (n,)`; NaN where there is none."""
    return right.to(torch.float32).mean()
