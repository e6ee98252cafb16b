"""A phonetic head that needs no times: it finds them itself (CTC, Graves et al., ICML 2006)."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from joint.outputs import Layer, TaskOutput
from joint.scene import SceneBatch
from tasks.base import Encode
from tasks.phonetics.head import FrameTask

BLANK = 0
"""Silence is what CTC says between phones."""


class CtcPhones(FrameTask):
    """Says from the frames of the encoder's `layer` which phones follow each other.

    Utterances that the scene cuts off do not count: `enrollment` should be longer than most.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "pronunciation", "pronunciation_samples"}
    )

    def log_probabilities(self, features: Tensor, progress: float = 1.0) -> Tensor:
        """`(B, D, F)` → `(B, F, phones)`, float32."""
        return self.logits(features, progress).log_softmax(dim=-1)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over utterances of the negative log-likelihood of a phone."""
        found, frames, targets, counts = self._read(encode, batch, progress)
        kept = (counts > 0) & (frames >= 2 * counts)
        if not bool(kept.any()):
            return TaskOutput(0.0 * found.sum(), 0)
        losses = F.ctc_loss(
            found[kept].transpose(0, 1),
            targets[kept],
            frames[kept],
            counts[kept],
            BLANK,
            "none",
            zero_infinity=True,
        )
        return TaskOutput((losses / counts[kept]).mean(), int(kept.sum()))

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Phone error rate of the best path, in percent."""
        errors = total = 0
        for batch in batches:
            found, frames, targets, counts = self._read(encode, batch, 1.0)
            for row in torch.nonzero(counts)[:, 0].tolist():
                said = targets[row, : counts[row]].tolist()
                errors += edits(collapsed(found[row, : frames[row]].argmax(dim=-1)), said)
                total += len(said)
        return {"phone_error_percent": 100.0 * errors / max(total, 1)}

    def _read(
        self, encode: Encode, batch: SceneBatch, progress: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log-probabilities `(B·K, F, phones)`, the utterances' frames `(B·K,)`, their phones
        `(B·K, P)` and how many those are `(B·K,)`, 0 where they are cut or unknown."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.pronunciation is not None and batch.pronunciation_samples is not None
        layer = encode(batch.enrollment, batch.enrollment_lengths).layers[self.layer]
        targets = batch.pronunciation.flatten(0, 1)
        counts = (targets >= 0).sum(dim=1)
        frames = frames_within(layer, batch.pronunciation_samples.flatten())
        found = self.log_probabilities(layer.features, progress)
        return found, frames, targets.clamp(min=0), counts


def frames_within(layer: Layer, samples: Tensor) -> Tensor:
    """How many frames of the layer have their centre within the first `samples (B,)`, `(B,)`."""
    inside = torch.div(samples - layer.offset - 1, layer.hop, rounding_mode="floor") + 1
    return inside.clamp(min=0).minimum(layer.mask.sum(dim=1))


def collapsed(path: Tensor) -> list[int]:
    """The phones of a path `(F,)`: repetitions and blanks taken out."""
    return [phone for phone in torch.unique_consecutive(path).tolist() if phone != BLANK]


def edits(found: Sequence[int], said: Sequence[int]) -> int:
    """Substitutions, deletions and insertions between two sequences (Levenshtein)."""
    row = np.arange(len(said) + 1)
    target = np.asarray(said)
    for count, phone in enumerate(found, start=1):
        best = np.minimum(row[:-1] + (target != phone), row[1:] + 1)
        row = np.concatenate([[count], best])
        # a deletion costs one more than what stands before it
        row = np.minimum.accumulate(row - np.arange(len(row))) + np.arange(len(row))
    return int(row[-1])
