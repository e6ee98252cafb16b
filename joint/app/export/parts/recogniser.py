"""A recogniser, for an export: recordings to log probabilities of its units."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from joint.app.export.parts.base import SHORT, Axes, Part, padded
from joint.errors import ConfigError
from joint.model import JointModel
from joint.task import ENROLLMENT
from tasks.recognition.select import topology_of
from tasks.recognition.task import RecognitionTask

FOLLOWED = ("enrollment", "enrollment_lengths")


class RecogniserPart(Part):
    """A waveform to CTC's log probabilities, `(1, outputs, F, V)`, and how many frames count. One
    that follows an enrolled speaker reads that speaker's recording too. One recording at a time,
    as of ExtractorPart.

    Raises ConfigError for a recogniser whose CTC has not been trained.
    """

    kind = "recogniser"
    measure: ClassVar[str] = "share of probability in common"
    least: ClassVar[float] = 0.9999

    def __init__(self, model: JointModel, task: str) -> None:
        super().__init__()
        head = model.task(task)
        assert isinstance(head, RecognitionTask)
        if head.decoder is not None and head.attention == 1.0:
            found = "an attention decoder alone, which decodes step by step"
            raise ConfigError(f"tasks.{task}", found, "a recogniser with CTC, for an export")
        self.head, self.encoder, self.adapter = head, model.encoder, model.adapter(task)
        self._view = lambda: model.view(task)
        self.follows = "enrollment" in head.requires
        waveform: dict[str, Axes] = {"waveform": (1, "samples"), "lengths": (1,)}
        enrolled: dict[str, Axes] = dict(
            zip(FOLLOWED, ((1, "enrollment_samples"), (1,)), strict=True)
        )
        self.inputs = waveform | (enrolled if self.follows else {})
        outputs = len(getattr(head, "branches", ())) or 1
        units = len(head.units) + head.extra_symbols
        self.outputs: dict[str, Axes] = {
            "log_probabilities": (1, outputs, "frames", units),
            "frames": (1,),
        }

    @property
    def metadata(self) -> dict[str, Any]:
        """See Part: the units in their order, the first CTC's blank."""
        change = ["<sc>"] * self.head.extra_symbols
        return {
            "mode": topology_of(self.head),
            "units": [*self.head.units.symbols, *change],
            "blank": 0,
            "frame_samples": self.head.core.hop,
        }

    def forward(
        self, waveform: Tensor, lengths: Tensor, *enrolled: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`waveform (1, S)`, `lengths (1,)`, and of an enrolled speaker the same → log
        probabilities and `frames (1,)`."""
        encode, people = self._view(), None
        if self.follows:
            recording, its_lengths = enrolled
            people = encode(recording, its_lengths, ENROLLMENT)
        outputs = self.head.posteriors(encode, waveform, lengths, people)
        scores = torch.stack([output.log_probabilities for output in outputs], dim=1)
        return scores, outputs[0].frames

    def examples(self, speech: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """See Part."""
        enrolled = [padded(speech[2:3]), padded(speech[3:4])] if self.follows else [(), ()]
        recordings = [padded(speech[:1]), padded([speech[1][:SHORT]])]
        return [(*r, *e) for r, e in zip(recordings, enrolled, strict=True)]

    def agreement(self, found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
        """See Part: of the worst frame that counts; 0 where other frames do."""
        (scores, frames), (expected_scores, expected_frames) = found, expected
        if scores.shape != expected_scores.shape or not torch.equal(frames, expected_frames):
            return 0.0
        common = torch.minimum(scores, expected_scores).double().exp().sum(dim=-1).amin(dim=1)
        own = torch.arange(common.shape[1]) < frames[:, None]
        return float(common[own].min())
