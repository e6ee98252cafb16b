"""The Python interface: `joint.load(...)`, then `embed`, `verify`, `extract`, `diarize`,
`transcribe`, `synthesize`, `convert`, `edit`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joint.app.checkpoints import checkpoint_file
from joint.app.editing import Editor
from joint.app.extracting import TargetExtractor
from joint.app.results import Recording, Verification
from joint.app.transcribing import Transcriber
from joint.training.building.model import load_model
from joint.units import SAMPLE_RATE

__all__ = ["Recording", "SpeakerModel", "Verification", "load"]

DESCRIPTION = ("data", "seed", "command", "trained", "licence", "validation", "figures")
"""The keys of a checkpoint's metadata that `info` gives."""


def load(
    checkpoint: str | Path,
    device: str = "cpu",
    precision: str = "auto",
    allow_packages: Sequence[str] = (),
    tasks: Sequence[str] | None = None,
) -> "SpeakerModel":
    """Load a model: from a checkpoint file, a training's folder, the name of a shipped checkpoint,
    or the name of a model on the hub, which is imported into a cache once.

    Args:
        precision: `auto` (bf16 where the processor has it), `bf16` or `float32`.
        allow_packages: packages besides this one whose classes the checkpoint may name.
        tasks: names of the tasks to build; None: all, `()`: the encoder alone, which is enough for
            `embed` and `verify` and loads faster.

    Raises CheckpointError for a file that is not a checkpoint, or that lacks one of `tasks`.
    """
    path = checkpoint_file(checkpoint)
    model, metadata = load_model(path, allow_packages, tasks)
    return SpeakerModel(model.to(device), metadata, path, precision)


class SpeakerModel(TargetExtractor, Transcriber, Editor):
    """A trained joint model: one encoder and its tasks, ready for inference."""

    def info(self) -> dict[str, Any]:
        """Describe the checkpoint: name, tasks, sizes, training data, seed, figures, thresholds."""
        adapters = {f"{n}'s adapter": part for n, part in self.model.adapters.items()}
        parts = {"encoder": self.model.encoder, **self.model.tasks, **adapters}
        return {
            "name": self.metadata.get("name"),
            "path": str(self.path),
            "tasks": {n: self.model.switches[n] for n in self.model.tasks},
            "parameters": {n: sum(p.numel() for p in m.parameters()) for n, m in parts.items()},
            "embedding_dim": self.model.encoder.embedding_dim,
            "sample_rate": SAMPLE_RATE,
            **{key: self.metadata.get(key) for key in DESCRIPTION},
            "threshold": self.threshold,
            "diarization_threshold": self.diarization_threshold,
        }
