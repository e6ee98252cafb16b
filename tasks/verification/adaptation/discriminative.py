"""Adversarial discriminative adaptation: the encoder of the target domain takes the place of that
of the source domain."""

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.encoder import SpeakerEncoder
from joint.layers.modes import evaluating
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.verification.adaptation.domains import DomainTask, mean_of, share_of


class Adda(DomainTask):
    """ADDA (Tzeng et al., CVPR 2017; for speakers Xia, Huang, Hansen, "Cross-lingual
    text-independent speaker verification using unsupervised adversarial discriminative domain
    adaptation", ICASSP 2019).

    The shared encoder, initialised from one that was trained on the source domain, encodes the
    target domain; a copy of what it was at the first step, which never changes, the source domain.
    A critic tells both kinds of embeddings apart, and the shared encoder is trained to have its own
    taken for the source's.
    """

    def __init__(
        self, embedding_dim: int, encoder_copy: Callable[[], SpeakerEncoder], hidden: int = 128
    ) -> None:
        super().__init__()
        self.selected: tuple[SceneBatch, Tensor, Tensor, Tensor] | None = None
        self.source = encoder_copy().requires_grad_(False)
        self.critic = nn.Sequential(
            nn.Linear(embedding_dim, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1),
        )

    def before_step(self, encoder: nn.Module, progress: float) -> None:
        """See Task: keep the encoder as it is when the training begins."""
        if progress == 0.0:
            self.source.load_state_dict(encoder.state_dict())

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean cross-entropy of the critic's answers to the target's embeddings with "source"."""
        logits = self.judged(self._of_target(encode, batch))
        losses = F.binary_cross_entropy_with_logits(
            logits, torch.ones_like(logits), reduction="none"
        )
        return TaskOutput(*mean_of(losses), {"taken_for_source": share_of(logits > 0.0)})

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """See Task: mean cross-entropy of the critic; `accuracy` is how often it is right."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        found = self._of_target(encode, batch)
        chosen = ~self.of_target(batch)
        if chosen.any():
            audio = batch.enrollment[chosen].flatten(0, -2)
            lengths = batch.enrollment_lengths[chosen].flatten()
            with torch.no_grad(), evaluating(self.source):
                found = torch.cat([found, self.source(audio, lengths).embedding])
        logits = self.judged(found)
        of_source = torch.arange(len(logits), device=logits.device) >= self._target_count(batch)
        losses = F.binary_cross_entropy_with_logits(logits, of_source.float(), reduction="none")
        return TaskOutput(*mean_of(losses), {"accuracy": share_of((logits > 0.0) == of_source)})

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """See Task."""
        return self.critic.parameters()

    def judged(self, embedding: Tensor) -> Tensor:
        """Log-odds `(n,)` that embeddings `(n, E)` are of the source domain; their lengths, which
        cosines do not see, are not seen here either."""
        scaled = F.normalize(embedding.float()) * embedding.shape[1] ** 0.5
        logits: Tensor = self.critic(scaled).squeeze(1).float()
        return logits

    def _of_target(self, encode: Encode, batch: SceneBatch) -> Tensor:
        """Embeddings `(n, E)` of the target domain by the shared encoder."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        if self.selected is None or self.selected[0] is not batch:
            rows = self.of_target(batch)
            # norms have no statistics of a single recording: then all are encoded
            rows = rows if self._target_count(batch) > 1 else torch.ones_like(rows)
            audio, lengths = batch.enrollment[rows], batch.enrollment_lengths[rows]
            self.selected = batch, rows, audio, lengths  # the step's encoding is found by its audio
        _, rows, audio, lengths = self.selected
        chosen = self.of_target(batch)[rows].repeat_interleave(audio.shape[1])
        return encode(audio, lengths, ENROLLMENT).embedding[chosen]

    def _target_count(self, batch: SceneBatch) -> int:
        """Recordings of the target domain."""
        assert batch.enrollment is not None
        return int(self.of_target(batch).sum()) * batch.enrollment.shape[1]
