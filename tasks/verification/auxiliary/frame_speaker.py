"""Speaker classification from single frames; with gradient reversal the frames lose the speaker.

The mirror image of a phonetic adversary: speaker-invariant training of a phone recogniser (Meng et
al., ICASSP 2018), where the frames' task is `tasks.phonetics` and the speaker is what must go.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from joint.encoders.frames import FrameNorm
from joint.layers.gradient_reversal import GradientReversal
from joint.outputs import TaskOutput
from joint.scene import SceneBatch
from joint.task import ENROLLMENT, Encode, Enrollment, Task, encode_recording

EVERY = 4
"""Neighbouring frames hardly differ: one of so many is classified."""


class FrameSpeakers(Task):
    """Classifies the speaker of single frames of the encoder's `layer`."""

    requires: ClassVar[frozenset[str]] = frozenset({"enrollment", "enrollment_lengths", "speaker"})

    def __init__(
        self,
        layer_dim: Callable[[str], int],
        speaker_count: int,
        layer: str,
        hidden: int = 256,
        reversal: GradientReversal | None = None,
    ) -> None:
        super().__init__()
        self.layer, self.layers, self.reversal = layer, frozenset({layer}), reversal
        self.hidden = nn.Sequential(
            nn.Linear(layer_dim(layer), hidden), nn.ReLU(), FrameNorm(hidden)
        )
        self.output = nn.Linear(hidden, speaker_count)

    def loss(self, encode: Encode, batch: SceneBatch, progress: float) -> TaskOutput:
        """Mean cross-entropy over frames."""
        logits, speakers = self._read(encode, batch, progress)
        right = (logits.argmax(dim=-1) == speakers).float().mean()
        return TaskOutput(F.cross_entropy(logits, speakers), len(speakers), {"accuracy": right})

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: log-probabilities of the training's speakers, `(speakers,)`, the mean over
        frames."""
        layer = encode_recording(encode, recording).layers[self.layer]
        logits = self.output(self.hidden(layer.features.transpose(1, 2))).float()
        found: Tensor = logits[0].log_softmax(dim=-1).mean(dim=0)
        return found

    def validate(self, encode: Encode, batches: Iterable[SceneBatch]) -> dict[str, float]:
        """None: the speakers of held-out scenes are no classes of this task."""
        return {}

    def _read(self, encode: Encode, batch: SceneBatch, progress: float) -> tuple[Tensor, Tensor]:
        """Logits `(frames, speakers)` and who it is `(frames,)`."""
        assert batch.enrollment is not None and batch.enrollment_lengths is not None
        assert batch.speaker is not None
        layer = encode(batch.enrollment, batch.enrollment_lengths, ENROLLMENT).layers[self.layer]
        x = layer.features[:, :, ::EVERY].transpose(1, 2)
        mask = layer.mask[:, ::EVERY]
        if self.reversal is not None:
            x = self.reversal(x, progress)
        logits = self.output(self.hidden(x)).float()
        speakers = batch.speaker.flatten()[:, None].expand_as(mask)
        return logits[mask], speakers[mask]
