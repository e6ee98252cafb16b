"""A phonetic head without alignments, by CTC (Graves et al., ICML 2006)."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from joint.encoders.frames import frame_counts
from joint.layers.gradient_reversal import GradientReversal
from joint.losses.ctc import collapsed, ctc_losses
from joint.metrics.words import edit_distance
from joint.outputs import Layer, SpeakerEncoding, TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, encode_recording
from tasks.phonetics.task import FrameTask


class CtcPhones(FrameTask):
    """Classifies the sequence of phones from the frames of the encoder's `layer`.

    Its input is the mean of each `stride` frames: three of 10 ms are a fraction of a phone, and
    with fewer frames CTC takes far fewer steps to leave the state in which all are blank.
    Utterances that the scene cuts off do not count: `enrollment` should be longer than most.
    """

    requires: ClassVar[frozenset[str]] = frozenset(
        {"enrollment", "enrollment_lengths", "pronunciation", "pronunciation_samples"}
    )

    def __init__(
        self,
        layer_dim: Callable[[str], int],
        phones: Sequence[str],
        layer: str,
        hidden: int = 256,
        reversal: GradientReversal | None = None,
        stride: int = 1,
    ) -> None:
        super().__init__(layer_dim, phones, layer, hidden, reversal)
        self.stride = stride

    def input_frames(self, encoding: SpeakerEncoding) -> Layer:
        """The frames that the head classifies."""
        return averaged(encoding.layers[self.layer], self.stride)

    def log_probabilities(self, features: Tensor, progress: float = 1.0) -> Tensor:
        """`(B, D, F)` → `(B, F, phones)`, float32."""
        return self.logits(features, progress).log_softmax(dim=-1)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean over utterances of the negative log-likelihood of a phone."""
        found, frames, targets, counts = self._outputs(encode, batch, progress)
        kept = (counts > 0) & (frames >= 2 * counts)
        if not bool(kept.any()):
            return TaskOutput(0.0 * found.sum(), 0)
        losses = ctc_losses(found[kept], frames[kept], targets[kept], counts[kept])
        return TaskOutput((losses / counts[kept]).mean(), int(kept.sum()))

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> list[int]:
        """See Task: the phones of the recording in order, by the best path."""
        layer = self.input_frames(encode_recording(encode, recording))
        return collapsed(self.log_probabilities(layer.features)[0].argmax(dim=-1))

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """Phone error rate of the best path, in percent."""
        errors = total = 0
        for batch in batches:
            found, frames, targets, counts = self._outputs(encode, batch, 1.0)
            for row in torch.nonzero(counts)[:, 0].tolist():
                reference = targets[row, : counts[row]].tolist()
                errors += edit_distance(
                    collapsed(found[row, : frames[row]].argmax(dim=-1)), reference
                )
                total += len(reference)
        return {"phone_error_percent": 100.0 * errors / max(total, 1)}

    def _outputs(
        self, encode: Encode, batch: SceneBatch, progress: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Log-probabilities `(B·K, F, phones)`, the utterances' frames `(B·K,)`, their phones
        `(B·K, P)` and how many those are `(B·K,)`, 0 where they are cut or unknown."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.pronunciation is not None and batch.pronunciation_samples is not None
        layer = self.input_frames(encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT))
        targets = batch.pronunciation.flatten(0, 1)
        counts = (targets >= 0).sum(dim=1)
        frames = frames_within(layer, batch.pronunciation_samples.flatten())
        found = self.log_probabilities(layer.features, progress)
        return found, frames, targets.clamp(min=0), counts


def averaged(layer: Layer, stride: int) -> Layer:
    """The mean of each `stride` frames of `layer`; an incomplete last group is left out."""
    return Layer(
        F.avg_pool1d(layer.features, stride),
        layer.mask[:, stride - 1 :: stride],
        layer.hop * stride,
        layer.offset + layer.hop * (stride - 1) // 2,
    )


def frames_within(layer: Layer, samples: Tensor) -> Tensor:
    """The number of frames with their centre in the first `samples (B,)`, `(B,)`."""
    inside = torch.div(samples - layer.offset - 1, layer.hop, rounding_mode="floor") + 1
    return inside.clamp(min=0).minimum(frame_counts(layer.mask))
