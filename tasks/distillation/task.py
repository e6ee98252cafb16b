"""Distillation: the shared encoder's embeddings become those of a teacher."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.data.corpus import Corpus
from joint.errors import ConfigError, DataError
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, EmbeddingTask, Encode
from tasks.distillation.targets import WRITTEN, Targets


class DistillationTask(EmbeddingTask):
    """1 − cosine between the embedding of an enrolment, augmented and cut, and the teacher's
    embedding of the whole recording as it is (Wang, Wang, Yu, Interspeech 2019, distil the
    embeddings of a larger network by their cosine).

    `relation_weight` weighs a second term: the mean squared difference of the cosines between all
    pairs of a batch, the student's and the teacher's (relational distillation; Park, Kim, Lu, Cho,
    CVPR 2019, §3). Targets are a file that `python -m recipes.distillation.targets` wrote; the task
    has no parameters.

    Args:
        targets: The path of the teacher's embeddings; checkpoints that only infer do not read it.

    Raises ConfigError for a negative weight.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "utterance", "speed"}
    )

    def __init__(self, embedding_dim: int, targets: str, relation_weight: float = 1.0) -> None:
        super().__init__()
        if relation_weight < 0:
            raise ConfigError("relation_weight", str(relation_weight), "0 or more")
        self.embedding_dim, self.path = embedding_dim, targets
        self.relation_weight = relation_weight
        self.targets: Tensor | None = None
        self.numbers = torch.empty(0, dtype=torch.int64)  # of their utterances, in batches
        self.speeds = torch.empty(0)

    def locate(self, find: Callable[[str], Path]) -> None:
        """See Task. Raises DataError where the targets are not there."""
        if not Path(self.path).is_file():
            raise DataError(self.path, "no file", WRITTEN)

    def setup(self, corpus: Corpus) -> None:
        """Read the targets of the corpus. Raises DataError where they are not its, ConfigError
        where they have another dimension."""
        found = Targets.load(self.path)
        rows = torch.from_numpy(found.of(corpus, self.path))
        if rows.shape[2] != self.embedding_dim:
            expected = f"{rows.shape[2]}, as {self.path} has it"
            raise ConfigError("encoder.embedding_dim", str(self.embedding_dim), expected)
        self.targets, self.speeds = rows, torch.tensor(found.speeds)
        self.numbers = torch.from_numpy(corpus.numbers)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B·K` enrolments of the batch."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
        target = self.target(batch).to(embedding.device)
        return distance(embedding, target, self.relation_weight)

    def target(self, batch: SceneBatch) -> Tensor:
        """The teacher's embeddings `(B·K, E)`. Raises ConfigError for a speed without targets."""
        assert self.targets is not None, "loss before setup"
        assert batch.utterance is not None and batch.speed is not None
        distance = (batch.speed.flatten().cpu()[:, None] - self.speeds).abs()
        nearest, place = distance.min(dim=1)
        if float(nearest.max()) > 1e-4:
            missing = sorted({round(float(x), 4) for x in batch.speed.flatten()})
            expected = f"those of {self.path}, {self.speeds.tolist()}"
            raise ConfigError("scenes.speeds", str(missing), expected)
        row = torch.searchsorted(self.numbers, batch.utterance.flatten().cpu())
        return self.targets[place, row]


def distance(embedding: Tensor, target: Tensor, relation_weight: float) -> TaskOutput:
    """How far the embeddings `(B, E)` are from their targets `(B, E)`, of unit length: 1 − cosine
    and the squared differences of the cosines between all pairs."""
    with torch.autocast(embedding.device.type, enabled=False):
        found = F.normalize(embedding.float())
        cosine = (found * target).sum(dim=1)
        loss = 1.0 - cosine.mean()
        if relation_weight and len(found) > 1:
            apart = ~torch.eye(len(found), dtype=torch.bool, device=found.device)
            difference = (found @ found.T - target @ target.T)[apart]
            loss = loss + relation_weight * difference.square().mean()
    return TaskOutput(loss, len(found), {"cosine": cosine.detach().mean()})
