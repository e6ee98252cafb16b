"""MoCo: segments are compared with a queue of earlier ones, encoded by a momentum encoder."""

from collections.abc import Callable
from typing import ClassVar

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import ConfigError
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.selfsupervised.momentum import MomentumEncoder, share
from tasks.selfsupervised.segments import SegmentTask, segments_of
from tasks.selfsupervised.simclr import positive


class MoCo(SegmentTask):
    """InfoNCE of a segment with the other segment of its utterance against the keys of the batch
    and `queue_size` earlier ones (He et al., CVPR 2020, eq. 1; for speakers Xia et al., ICASSP
    2021).

    The keys of the batch are among the negatives in place of the paper's shuffled batch
    normalisation: the positive key must not be told by the batch that it was normalised in. Keys of
    the query's own utterance are no negatives: of a small corpus the queue holds some. It holds the
    keys of all processes, each one's in turn, and none at first. Raises ConfigError for a queue
    that is smaller than a batch of all processes.
    """

    requires: ClassVar[frozenset[str]] = SegmentTask.requires | {"utterance"}
    queue: Tensor
    owners: Tensor
    seen: Tensor

    def __init__(
        self,
        embedding_dim: int,
        encoder_copy: Callable[[], SpeakerEncoder],
        queue_size: int = 4096,
        momentum: float = 0.999,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        if queue_size < 1:
            raise ConfigError("queue_size", str(queue_size), "1 or more")
        self.momentum = share("momentum", momentum)
        self.temperature = positive("temperature", temperature)
        self.momentum_encoder = MomentumEncoder(encoder_copy())
        self.register_buffer("queue", torch.zeros(queue_size, embedding_dim))
        self.register_buffer("owners", torch.full((queue_size,), -1))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """See Task: the momentum encoder follows; it begins as the encoder is."""
        self.momentum_encoder.follow(encoder, None, self.momentum if progress > 0.0 else 0.0)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over the `B` first segments; `accuracy` is how often the other segment of the
        utterance is the most similar key."""
        audio, lengths = segments_of(batch, 2)
        assert batch.utterance is not None
        owner = batch.utterance[:, 0]
        embedding = encode(audio[:, :1], lengths[:, :1], ENROLLMENT).embedding
        keys = F.normalize(self.momentum_encoder(audio[:, 1:2], lengths[:, 1:2]).float())
        with torch.autocast(embedding.device.type, enabled=False):
            query = F.normalize(embedding.float())
            known, owners = self.known()
            scores = query @ torch.cat([keys, known]).T / self.temperature
        own = torch.arange(len(keys), device=scores.device)
        same = owner[:, None] == torch.cat([owner, owners])
        same[own, own] = False
        scores = scores.masked_fill(same, -torch.inf)
        found = (scores.argmax(dim=1) == own).float().mean()
        output = TaskOutput(F.cross_entropy(scores, own), len(scores), {"accuracy": found})
        self.enqueue(gathered(keys), gathered(owner))
        return output

    def known(self) -> tuple[Tensor, Tensor]:
        """The keys that the queue holds by now, `(n, E)`, and the utterance of each, `(n,)`."""
        held = int(self.seen)
        return self.queue[:held].clone(), self.owners[:held].clone()

    @torch.no_grad()
    def enqueue(self, keys: Tensor, owners: Tensor) -> None:
        """Put `keys (n, E)` of the utterances `owners (n,)` in place of the oldest ones."""
        size = len(self.queue)
        if len(keys) > size:
            raise ConfigError("queue_size", str(size), f"at least the {len(keys)} of a batch")
        places = (int(self.seen) + torch.arange(len(keys), device=keys.device)) % size
        self.queue[places] = keys.to(self.queue.dtype)
        self.owners[places] = owners
        self.seen += len(keys)


def gathered(rows: Tensor) -> Tensor:
    """The `rows (n, …)` of all processes, each one's in turn, without gradient."""
    rows = rows.detach().contiguous()
    if not (dist.is_available() and dist.is_initialized()):
        return rows
    found = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
    dist.all_gather(found, rows)
    return torch.cat(found)
