"""What the embeddings of an encoder are used for, whatever computes them: recordings are looked at,
compared, and judged by the checkpoint's thresholds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from joint.app.results import Candidate, Identification, Recording, Verification
from joint.audio import check_waveform, read_audio
from joint.directions import unit
from joint.encoders.identity import EncoderIdentity
from joint.errors import AudioError, CheckpointError
from joint.inspection.domain import NO_SPEECH, Domain
from joint.inspection.reading import InspectedRecording, inspect_recording, inspect_waveform
from joint.metrics.calibration import Calibration, probability
from joint.units import SAMPLE_RATE
from tasks.verification.enrolment.database import Match, SpeakerDatabase


class Judging(ABC):
    """An encoder at work: its checkpoint's `metadata`, `path` and `identity`; its embeddings."""

    sample_rate = SAMPLE_RATE
    metadata: dict[str, Any]
    path: Path
    identity: EncoderIdentity

    @property
    @abstractmethod
    def embedding_dim(self) -> int:
        """The dimensions E of an embedding."""

    @abstractmethod
    def embed_waveforms(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """As `embed`, for waveforms that need no check: `(S,)` float32, 0.3 s or longer."""

    def embed(self, recordings: Sequence[Recording]) -> np.ndarray:
        """Embed recordings: one speaker embedding each, `(n, E)`, float32, in the order given.

        Memory is bounded: batches hold 60 s of audio, and a recording longer than 60 s is embedded
        in equal pieces, whose duration-weighted mean is its embedding (see `embed_recordings`).

        Raises AudioError for a recording that cannot be used.
        """
        waveforms = [self._waveform(r, f"recording {i}") for i, r in enumerate(recordings)]
        return self.embed_waveforms(waveforms)

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

    def inspect(self, recording: Recording, where: str = "recording") -> InspectedRecording:
        """Read a recording and look at it: speech, bandwidth, level, distortion.

        Methods that judge a recording do so themselves; what `inspect` gave is not looked at again.
        `where` names a waveform in messages. Raises AudioError.
        """
        if isinstance(recording, InspectedRecording):
            return recording
        if isinstance(recording, str | Path):
            return inspect_recording(recording)
        refuse_other(recording, where)
        return inspect_waveform(recording, where)

    def judge(self, *recordings: InspectedRecording) -> str | None:
        """Warn with AudioWarning, once a recording, of what this checkpoint cannot judge.

        Gives the name of the flaw because of which a probability is withheld, `no speech` before
        all others; None without one.
        """
        flaws = []
        for recording in {(r.where, r.properties): r for r in recordings}.values():
            flaws += [finding.flaw for finding in self.domain.warn(recording)]
        return NO_SPEECH if NO_SPEECH in flaws else next(iter(flaws), None)

    def probability(self, score: float) -> float | None:
        """The probability of the same speaker for a cosine and a prior of 0.5; None where the
        checkpoint has no calibration."""
        if self.calibration is None:
            return None
        return probability(float(self.calibration(np.array([score]))[0]))

    @cached_property
    def domain(self) -> Domain:
        """The recordings that the threshold and the calibration were chosen for."""
        return Domain.of(self.metadata, self.path)

    @property
    def threshold(self) -> float | None:
        """The cosine from which on two recordings count as of the same speaker: the one stored when
        the checkpoint was shipped, else the one at the EER of the training's validation."""
        measured = self.metadata.get("validation", {}).get("verification/threshold")
        chosen: float | None = self.metadata.get("threshold", measured)
        return chosen

    @property
    def diarization_threshold(self) -> float | None:
        """The least mean cosine of one speaker's windows in a recording of several speakers; None
        where none was chosen for this encoder. Lower than `threshold`, since windows are short."""
        chosen: float | None = self.metadata.get("diarization_threshold")
        return chosen

    @property
    def calibration(self) -> Calibration | None:
        """Cosine to log-likelihood ratio, fitted when the checkpoint was shipped; None without."""
        stored = self.metadata.get("calibration")
        return None if stored is None else Calibration(stored["offset"], tuple(stored["gains"]))

    def _waveform(self, recording: Recording, where: str) -> np.ndarray:
        if isinstance(recording, InspectedRecording):
            return recording.waveform
        if isinstance(recording, str | Path):
            return read_audio(recording)
        refuse_other(recording, where)
        waveform = np.ascontiguousarray(recording, dtype=np.float32)
        check_waveform(waveform, where)
        return waveform


def refuse_other(recording: object, where: str) -> None:
    """Raise AudioError for what is no array of floats, such as the integers of a 16-bit file."""
    if not isinstance(recording, np.ndarray):
        found = type(recording).__name__
        raise AudioError(where, f"a value of type {found}", "a path or a NumPy array (S,)")
    if recording.dtype.kind != "f":
        found = f"samples of type {recording.dtype}"
        raise AudioError(where, found, "floats, full scale at 1")
