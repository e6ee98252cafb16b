"""The Python interface: `joint.load(...)`, then `embed`, `verify`, `extract`, `diarize`,
`transcribe`, `synthesize`, `convert`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joint.app.checkpoints import checkpoint_file
from joint.app.diarizing import SpeakerDiarizer
from joint.app.extracting import TargetExtractor
from joint.app.results import Candidate, Identification, Recording, Verification
from joint.app.speaking import Synthesizer
from joint.app.transcribing import Transcriber
from joint.directions import unit
from joint.errors import CheckpointError
from joint.inspection.domain import NO_SPEECH
from joint.training.building.model import load_model
from joint.units import SAMPLE_RATE
from tasks.verification.enrolment.database import Match, SpeakerDatabase

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


class SpeakerModel(TargetExtractor, SpeakerDiarizer, Transcriber, Synthesizer):
    """A trained joint model: one encoder and its tasks, ready for inference."""

    def verify(
        self, first: Recording, second: Recording, threshold: float | None = None
    ) -> Verification:
        """Compare two recordings: are they of the same speaker? `threshold` replaces the
        checkpoint's.

        Warns with AudioWarning of a recording that the checkpoint cannot judge, and then gives no
        probability; without speech, no decision. Raises AudioError.
        """
        pair = self.inspect(first, "recording 0"), self.inspect(second, "recording 1")
        withheld = self.judge(*pair)
        a, b = self.embed(pair)
        score, least = float(unit(a) @ unit(b)), self.threshold if threshold is None else threshold
        same = None if least is None or withheld == NO_SPEECH else score >= least
        probability = None if withheld else self.probability(score)
        return Verification(score, least, same, probability, withheld)

    def identify(
        self, recording: Recording, database: SpeakerDatabase, threshold: float | None = None
    ) -> Identification:
        """Find the enrolled speaker of a recording; `threshold` replaces the checkpoint's.

        Warns with AudioWarning of a recording that the checkpoint cannot judge; there is no
        probability where it or an enrolment is one, and no speaker without speech.

        Raises AudioError, DataError for an empty database, CheckpointError without a threshold.
        """
        least = self.threshold if threshold is None else threshold
        if least is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        looked_at = self.inspect(recording)
        withheld = self.judge(looked_at)
        ranked = database.rank(self.embed([looked_at])[0])
        candidates = tuple(self._candidate(match, database, withheld) for match in ranked)
        known = ranked[0].score >= least and withheld != NO_SPEECH
        return Identification(ranked[0].name if known else None, candidates, least)

    def _candidate(
        self, match: Match, database: SpeakerDatabase, withheld: str | None
    ) -> Candidate:
        enrolled = database.speakers[match.name]
        flaws = (f.flaw for r in enrolled for f in self.domain.outside(r.properties))
        withheld = withheld or next(flaws, None)
        probability = None if withheld else self.probability(match.score)
        return Candidate(match.name, match.score, probability, withheld)

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
