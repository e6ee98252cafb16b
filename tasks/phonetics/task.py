"""Phonetic heads on the encoder's frames or on its embedding; with gradient reversal they are
adversaries, and the encoder learns to hide the phones.

After Wang et al., "On the Usage of Phonetic Information for Text-independent Speaker Embedding
Extraction", Interspeech 2019: frame-level multi-task, segment-level multi-task and adversarial, and
any of them together as several tasks of one recipe.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from joint.data.phones import UNKNOWN, need_phones
from joint.encoders.frames import FrameNorm
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_recording
from tasks.phonetics.labels import frame_phones, phone_shares

ALIGNED = frozenset(
    {"enrollment", "enrollment_lengths", "enrollment_phones", "enrollment_phone_ends"}
)


class PhoneticTask(Task):
    """What the heads share: the phones of the corpus, and the gradient reversal of adversaries."""

    requires: ClassVar[frozenset[str]] = ALIGNED

    def __init__(self, phones: Sequence[str], reversal: GradientReversal | None) -> None:
        super().__init__()
        need_phones(phones)
        self.phone_count = len(phones)
        self.reversal = reversal

    def reversed(self, x: Tensor, progress: float) -> Tensor:
        """`x`, through the gradient reversal where there is one."""
        return x if self.reversal is None else self.reversal(x, progress)


class FrameTask(PhoneticTask):
    """Classifies the phones of the frames of the encoder's `layer`.

    One hidden layer of `hidden` units with ReLU and batch norm, none where 0.
    """

    def __init__(
        self,
        layer_dim: Callable[[str], int],
        phones: Sequence[str],
        layer: str,
        hidden: int = 256,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__(phones, reversal)
        self.layer, self.layers = layer, frozenset({layer})
        width = layer_dim(layer)
        self.hidden: nn.Module = nn.Identity()
        if hidden:
            self.hidden = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), FrameNorm(hidden))
        self.output = nn.Linear(hidden or width, self.phone_count)

    def logits(self, features: Tensor, progress: float = 1.0) -> Tensor:
        """`(B, D, F)` → `(B, F, phones)`, float32."""
        x = self.reversed(features.transpose(1, 2), progress)
        scores: Tensor = self.output(self.hidden(x))
        return scores.float()


class FramePhones(FrameTask):
    """Classifies the phone of each frame of the encoder's `layer` (FRM-MT; with `reversal`
    FRM-ADV)."""

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean cross-entropy over the frames whose phone is known, silence among them."""
        logits, labels = self._outputs(encode, batch, progress)
        known = labels != UNKNOWN
        count = int(known.sum())
        if count == 0:
            return TaskOutput(0.0 * logits.sum(), 0)
        loss = F.cross_entropy(logits[known], labels[known])
        right = (logits.argmax(dim=-1) == labels)[known].float().mean()
        return TaskOutput(loss, count, {"accuracy": right})

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: log-probabilities of the phones in each frame of the layer, `(F, phones)`."""
        layer = encode_recording(encode, recording).layers[self.layer]
        return self.logits(layer.features)[0].log_softmax(dim=-1)

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Frame accuracy, 0 to 1, of all frames and of those with speech."""
        right, spoken = [], []
        for batch in batches:
            logits, labels = self._outputs(encode, batch, 1.0)
            known = labels != UNKNOWN
            right.append((logits.argmax(dim=-1) == labels)[known])
            spoken.append((labels > 0)[known])
        found, speech = torch.cat(right).float(), torch.cat(spoken)
        return {"accuracy": float(found.mean()), "speech_accuracy": float(found[speech].mean())}

    def _outputs(self, encode: Encode, batch: SceneBatch, progress: float) -> tuple[Tensor, Tensor]:
        """Logits and labels `(B·K, F)`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.enrollment_phones is not None and batch.enrollment_phone_ends is not None
        layer = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).layers[self.layer]
        phones, ends = (
            batch.enrollment_phones.flatten(0, 1),
            batch.enrollment_phone_ends.flatten(0, 1),
        )
        return self.logits(layer.features, progress), frame_phones(layer, phones, ends)


class SegmentPhones(PhoneticTask):
    """Predicts the share of each phone in the segment's speech from the embedding (SEG-MT; with
    `reversal` SEG-ADV)."""

    def __init__(
        self,
        embedding_dim: int,
        phones: Sequence[str],
        hidden: int = 256,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__(phones, reversal)
        self.classifier = nn.Sequential(
            nn.Linear(embedding_dim, hidden),
            nn.ReLU(),
            nn.BatchNorm1d(hidden),
            nn.Linear(hidden, self.phone_count),
        )

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean Kullback-Leibler divergence from the segments' own shares, in nats."""
        divergence, _ = self._outputs(encode, batch, progress)
        if len(divergence) == 0:
            return TaskOutput(divergence.sum(), 0)
        return TaskOutput(divergence.mean(), len(divergence))

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: the share of each phone in the recording's speech, `(phones,)`."""
        embedding = encode_recording(encode, recording).embedding
        shares: Tensor = self.classifier(embedding).float().softmax(dim=-1)[0]
        return shares

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """The divergence, and the share of that of the mean shares that it explains (1: all)."""
        found = [self._outputs(encode, batch, 1.0) for batch in batches]
        divergence = torch.cat([d for d, _ in found]).mean()
        shares = torch.cat([s for _, s in found])
        prior = divergence_from(shares, shares.mean(dim=0).clamp(min=1e-8).log()).mean()
        return {"divergence": float(divergence), "explained": float(1.0 - divergence / prior)}

    def _outputs(self, encode: Encode, batch: SceneBatch, progress: float) -> tuple[Tensor, Tensor]:
        """Divergences `(n,)` and shares `(n, phones)` of the segments in which something is known
        to be spoken."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.enrollment_phones is not None and batch.enrollment_phone_ends is not None
        shares = phone_shares(
            batch.enrollment_phones.flatten(0, 1),
            batch.enrollment_phone_ends.flatten(0, 1),
            batch.enrollment_lengths.flatten(),
            self.phone_count,
        )
        embedding = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).embedding
        logits = self.classifier(self.reversed(embedding, progress)).float()
        known = shares.sum(dim=1) > 0
        shares = shares[known]
        return divergence_from(shares, logits[known].log_softmax(dim=-1)), shares


def divergence_from(shares: Tensor, log_probabilities: Tensor) -> Tensor:
    """Kullback-Leibler divergence of each row of `shares (B, P)`, `(B,)` in nats."""
    return (torch.special.xlogy(shares, shares) - shares * log_probabilities).sum(dim=-1)
