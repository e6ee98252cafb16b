"""The vocoder, for an export."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from joint.app.export.parts.base import SHORT, Axes, Part, signal_to_difference_db
from joint.synthesis.mel import FLOOR, HOP, MELS, WINDOW
from joint.synthesis.vocoders.base import Vocoder


class VocoderPart(Part):
    """A log-mel spectrogram `(1, MELS, F)` to a waveform `(1, (F - 1)·HOP)`, with all that
    inference does."""

    kind = "vocoder"
    measure: ClassVar[str] = "signal-to-difference ratio in dB"
    least: ClassVar[float] = 50.0

    def __init__(self, vocoder: Vocoder) -> None:
        super().__init__()
        self.vocoder = vocoder
        self.inputs: dict[str, Axes] = {"log_mel": (1, MELS, "frames")}
        self.outputs: dict[str, Axes] = {"waveform": (1, "samples")}

    @property
    def metadata(self) -> dict[str, Any]:
        """See Part: how the log-mel is made; see joint.synthesis.mel.LogMel."""
        mel = {"window": WINDOW, "hop": HOP, "bands": MELS, "scale": "htk", "floor": FLOOR}
        return {"log_mel": mel}

    def forward(self, log_mel: Tensor) -> Tensor:
        """See the class."""
        return self.vocoder.speak(log_mel)

    def examples(self, speech: Sequence[Tensor]) -> list[tuple[Tensor, ...]]:
        """See Part."""
        batches = [speech[0][None], speech[1][None, : 2 * SHORT]]
        with torch.no_grad():
            return [(self.vocoder.mel(batch),) for batch in batches]

    def agreement(self, found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
        """See Part."""
        return signal_to_difference_db(found[0], expected[0])
