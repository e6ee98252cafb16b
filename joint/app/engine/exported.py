"""An exported encoder in the place of its checkpoint: verdicts by onnxruntime, without torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from joint.app.engine.onnx import OnnxEncoder, OnnxPart
from joint.app.shared.judging import Judging
from joint.encoders.identity import EncoderIdentity


class ExportedEncoder(Judging):
    """An exported encoder at work. Raises as OnnxPart."""

    def __init__(self, path: str | Path) -> None:
        self.encoder = OnnxEncoder(path)
        self.metadata, self.path = self.encoder.metadata, self.encoder.path
        self.identity = identity_in(self.encoder)

    @property
    def embedding_dim(self) -> int:
        """See Judging."""
        return int(self.metadata["embedding_dim"])

    def embed_waveforms(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """See Judging."""
        return self.encoder.embed(waveforms)


def identity_in(part: OnnxPart) -> EncoderIdentity:
    """Of the encoder from which a part was exported."""
    stored: dict[str, Any] = part.metadata
    return EncoderIdentity(stored["name"], stored["fingerprint"])
