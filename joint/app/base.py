"""A loaded checkpoint: its encoder and its tasks in torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from joint.app.results import Recording
from joint.app.shared.enrolling import Enrolling
from joint.encoders.backbones.residual.repvgg import fold
from joint.encoders.identity import identity_of
from joint.encoders.recordings import embed_recordings
from joint.errors import CheckpointError
from joint.model import JointModel
from joint.task import Enrollment, Task
from joint.training.precision import autocast_for


class LoadedModel(Enrolling):
    """One encoder and its tasks, ready for inference."""

    def __init__(
        self, model: JointModel, metadata: dict[str, Any], path: Path, precision: str = "auto"
    ) -> None:
        self.model, self.metadata, self.path = model.eval(), metadata, path
        config = metadata.get("config", {}).get("encoder")
        # Before folding, whose rounding may differ from one machine to the next.
        self.identity = identity_of(model.encoder, config, str(metadata.get("name") or path.stem))
        if not model.adapters:  # they are made for the weights before folding
            fold(model.encoder)
        self.device = next(model.parameters()).device
        self.precision = precision

    @property
    def embedding_dim(self) -> int:
        """See Judging."""
        return self.model.encoder.embedding_dim

    def embed_waveforms(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """See Judging."""
        return embed_recordings(self._embedding, waveforms, self.embedding_dim)

    def _enrollment(self, given: Recording | Enrollment) -> Enrollment:
        """See Enrolling: on the model's device."""
        return super()._enrollment(given).to(self.device)

    def _task(self, kind: str) -> Task:
        """The task called `kind`. Raises CheckpointError where there is none."""
        if kind not in self.model.tasks:
            article = "an" if kind[0] in "aeiou" else "a"
            raise CheckpointError(self.path, self._tasks_text(), f"one with {article} {kind} task")
        return self.model.task(kind)

    def _tasks_text(self) -> str:
        return f"tasks {', '.join(self.model.tasks) or 'none'}"

    def _embedding(self, audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(audio).to(self.device), torch.from_numpy(lengths).to(self.device)
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            encoding = self.model.encoder(*batch)
        embedding: np.ndarray = encoding.embedding.float().cpu().numpy()
        return embedding
