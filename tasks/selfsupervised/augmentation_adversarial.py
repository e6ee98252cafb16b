"""Augmentation-adversarial training: embeddings that do not tell how a segment was augmented."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode
from tasks.selfsupervised.segments import segments_of
from tasks.selfsupervised.simclr import SimClr, contrast

SEGMENTS = 3


class AugmentationAdversarial(SimClr):
    """SimCLR whose first two segments have different augmentations, while a critic tells from two
    embeddings of one utterance whether they share theirs; its gradient is reversed in the encoder
    (Huh et al., "Augmentation adversarial training for self-supervised speaker recognition", 2020).

    Scenes have three segments, the third with the augmentation of the first (`segments: 3`,
    `repeat_augmentation: true`).
    """

    def __init__(
        self,
        embedding_dim: int,
        temperature: float = 0.1,
        hidden: int = 128,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__(temperature)
        self.reversal = reversal or GradientReversal()
        self.critic = nn.Sequential(
            nn.Linear(2 * embedding_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 1),
        )

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """SimCLR's loss, and the critic's with its gradient to the encoder reversed."""
        embedding = self._embeddings(encode, batch)
        output = contrast(embedding[:, 0], embedding[:, 1], self.temperature)
        judged, _ = self.judged(self.reversal(embedding, progress))
        output.metrics |= {"contrastive": output.loss.detach()}
        output.loss = output.loss + judged
        return output

    def critic_loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """See Task: binary cross-entropy of the critic; `accuracy` is how often it is right."""
        loss, right = self.judged(self._embeddings(encode, batch))
        return TaskOutput(loss, 2 * len(batch), {"accuracy": right})

    def critic_parameters(self) -> Iterable[nn.Parameter]:
        """See Task."""
        return self.critic.parameters()

    def judged(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's loss on `embedding (B, 3, E)` and the share of its right answers: first and
        third share their augmentation, first and second do not."""
        unit = F.normalize(embedding.float(), dim=-1)
        pairs = torch.cat([unit[:, [0, 2]], unit[:, [0, 1]]]).flatten(1)
        logits = self.critic(pairs).squeeze(1).float()
        same = torch.arange(2 * len(embedding), device=logits.device) < len(embedding)
        loss = F.binary_cross_entropy_with_logits(logits, same.float())
        return loss, ((logits > 0) == same).float().mean()

    def _embeddings(self, encode: Encode, batch: SceneBatch) -> Tensor:
        audio, lengths = segments_of(batch, SEGMENTS)
        return encode(audio, lengths, ENROLLMENT).embedding.unflatten(0, audio.shape[:2])
