"""An exported extractor in the place of its checkpoint: speech and verdicts, the networks in
onnxruntime."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from joint.app.engine.exported import ExportedEncoder, identity_in
from joint.app.engine.onnx import ENCODER, ENDING, EXTRACTOR, OnnxPart
from joint.app.results import Recording
from joint.app.shared.extraction import Extracting
from joint.errors import CheckpointError, ConfigError
from joint.outputs import RECORDING
from joint.task import Enrollment
from tasks.extraction.pieces import in_pieces


class ExportedExtractor(Extracting, ExportedEncoder):
    """An exported extractor at work, and the encoder of the same checkpoint beside it.

    Raises as OnnxPart; CheckpointError where the two are of different checkpoints.
    """

    def __init__(self, path: str | Path) -> None:
        self.extractor = OnnxPart(path, EXTRACTOR)
        super().__init__(self.extractor.path.with_name(f"{ENCODER}{ENDING}"))
        # what only the extractor's file says: what it reads
        self.metadata = {**self.extractor.metadata, **self.metadata}
        self.path = self.extractor.path
        if identity_in(self.extractor) != self.identity:
            found = f"the extractor of {identity_in(self.extractor)}"
            raise CheckpointError(self.path, found, f"of {self.identity}, as {self.encoder.path}")

    def check_extractor(self) -> None:
        """See Extracting: it is there."""

    def estimate(self, mixture: Recording, enrollment: Recording | Enrollment) -> np.ndarray:
        """See Extracting. Of a long mixture each piece is at its own level in the mixture."""
        cue = self._cue(self._enrollment(enrollment))

        def piece(part: Tensor) -> Tensor:
            return torch.from_numpy(self.extractor(mixture=part.numpy(), **cue))

        found = in_pieces(piece, torch.from_numpy(self._waveform(mixture, "mixture")))
        estimate: np.ndarray = found[0].numpy()
        return estimate

    def _cue(self, person: Enrollment) -> dict[str, np.ndarray]:
        """What the extractor reads of an enrolled person, as a batch of one. Raises ConfigError for
        a kept embedding where that is the recording."""
        given: dict[str, np.ndarray] = {}
        if person.embedding is None:
            recording = torch.cat(person.recordings).float().numpy()
            given["enrollment"] = recording[None]
            given["enrollment_lengths"] = np.array([len(recording)])
        reads: list[str] = self.metadata["reads"][1:]
        if "embedding" in reads:
            kept = person.embedding
            given["embedding"] = (
                self.encoder(waveform=given["enrollment"], lengths=given["enrollment_lengths"])
                if kept is None
                else kept.float().numpy()[None]
            )
        if missing := [name for name in reads if name not in given]:
            raise ConfigError(f"extractor ({missing[0]})", "a kept embedding", RECORDING)
        return {name: given[name] for name in reads}
