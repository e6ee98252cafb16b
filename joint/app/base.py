"""A loaded checkpoint: it reads recordings, looks at them, embeds them; its thresholds."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from joint.app.results import Enrolled, Recording
from joint.audio import check_waveform, read_audio
from joint.directions import unit
from joint.encoders.backbones.residual.repvgg import fold
from joint.encoders.identity import identity_of
from joint.encoders.recordings import embed_recordings
from joint.errors import AudioError, CheckpointError, DataError
from joint.inspection.domain import NO_SPEECH, Domain, refuse_enrolment
from joint.inspection.excerpt import LONGEST, most_speech
from joint.inspection.likeness import is_in
from joint.inspection.reading import InspectedRecording, inspect_recording, inspect_waveform
from joint.model import JointModel
from joint.task import Enrollment, Task
from joint.training.precision import autocast_for
from joint.units import SAMPLE_RATE, Seconds
from tasks.verification.backends.calibration import Calibration, probability


class LoadedModel:
    """One encoder and its tasks, ready for inference."""

    sample_rate = SAMPLE_RATE

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

    def embed(self, recordings: Sequence[Recording]) -> np.ndarray:
        """Embed recordings: one speaker embedding each, `(n, E)`, float32, in the order given.

        Memory is bounded: batches hold 60 s of audio, and a recording longer than 60 s is embedded
        in equal pieces, whose duration-weighted mean is its embedding (see `embed_recordings`).

        Raises AudioError for a recording that cannot be used.
        """
        waveforms = [self._waveform(r, f"recording {i}") for i, r in enumerate(recordings)]
        return self.embed_waveforms(waveforms)

    def embed_waveforms(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """As `embed`, for waveforms that need no check: `(S,)` float32, 0.3 s or longer."""
        return embed_recordings(self._embedding, waveforms, self.model.encoder.embedding_dim)

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

    def _enrollment(self, given: Recording | Enrollment) -> Enrollment:
        """`given` on the model's device; a recording becomes an enrolment."""
        if not isinstance(given, Enrollment):
            given = Enrollment.of(self._waveform(given, "enrolment"))
        size = self.model.encoder.embedding_dim
        if given.embedding is not None and given.embedding.shape != (size,):
            found = f"a kept embedding of shape {tuple(given.embedding.shape)}"
            raise DataError("enrolment", found, f"({size},), as this encoder gives")
        return given.to(self.device)

    def _person(
        self, given: Enrolled, least: Seconds, name: str = ""
    ) -> tuple[Enrollment, tuple[InspectedRecording, ...]]:
        """An enrolment that nothing keeps, of a minute at most, and its recordings, looked at: each
        of several, those of an `Enrollment` end to end, none for a kept embedding. Raises
        AudioError, with the person's `name`, for one with less than `least` of speech."""
        if isinstance(given, Enrollment):
            if given.embedding is not None:
                return given, ()
            for recording in given.recordings:
                if recording.ndim != 1 or not recording.is_floating_point():
                    found = f"{recording.dtype} of shape {tuple(recording.shape)}"
                    raise AudioError("enrolment", found, "floats of shape (S,), full scale at 1")
            given = torch.cat(given.recordings).float().cpu().numpy()
        several = isinstance(given, list | tuple)
        recordings = given if isinstance(given, list | tuple) else [given]
        if not recordings:
            raise AudioError("enrolment", "no recordings", "at least one")
        whose = f"{name}, enrolment" if name else "enrolment"
        names = [f"{whose} {n}" if several else whose for n in range(len(recordings))]
        alone = tuple(map(self.inspect, recordings, names))
        for one in alone:
            refuse_enrolment(one, least)
        share = LONGEST / len(alone)
        return Enrollment.of(*(most_speech(one, share) for one in alone)), alone

    def _known(self, person: Enrollment, alone: Sequence[InspectedRecording]) -> np.ndarray:
        """The embedding `(E,)` by which a person, as `_person` gives one, is compared: the one kept
        or that of the recording; of several the mean direction."""
        if person.embedding is not None:
            return person.embedding.float().cpu().numpy()
        embeddings = self.embed(alone)
        mean: np.ndarray = embeddings[0] if len(alone) == 1 else unit(embeddings).mean(axis=0)
        return mean

    def _task(self, kind: str) -> Task:
        """The task called `kind`. Raises CheckpointError where there is none."""
        if kind not in self.model.tasks:
            article = "an" if kind[0] in "aeiou" else "a"
            raise CheckpointError(self.path, self._tasks_text(), f"one with {article} {kind} task")
        return self.model.task(kind)

    def _tasks_text(self) -> str:
        return f"tasks {', '.join(self.model.tasks) or 'none'}"

    def _waveform(self, recording: Recording, where: str) -> np.ndarray:
        if isinstance(recording, InspectedRecording):
            return recording.waveform
        if isinstance(recording, str | Path):
            return read_audio(recording)
        refuse_other(recording, where)
        waveform = np.ascontiguousarray(recording, dtype=np.float32)
        check_waveform(waveform, where)
        return waveform

    def _embedding(self, audio: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(audio).to(self.device), torch.from_numpy(lengths).to(self.device)
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            encoding = self.model.encoder(*batch)
        embedding: np.ndarray = encoding.embedding.float().cpu().numpy()
        return embedding


def refuse_other(recording: object, where: str) -> None:
    """Raise AudioError for what is no array of floats, such as the integers of a 16-bit file."""
    if not isinstance(recording, np.ndarray):
        found = type(recording).__name__
        raise AudioError(where, f"a value of type {found}", "a path or a NumPy array (S,)")
    if recording.dtype.kind != "f":
        found = f"samples of type {recording.dtype}"
        raise AudioError(where, found, "floats, full scale at 1")


def refuse_same(
    recording: InspectedRecording, enrolled: InspectedRecording, what: str, expected: str
) -> None:
    """Raise AudioError for an enrolment that is the `recording` itself or holds nine tenths of it,
    at any level and however it was stored: found `what`."""
    if is_in(recording.waveform, enrolled.waveform):
        raise AudioError(enrolled.where, what, expected)
