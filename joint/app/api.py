"""The Python interface: `joint.load(...)`, then `embed`, `verify`, `extract`, `transcribe`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from joint.app.checkpoints import checkpoint_file
from joint.audio import check_waveform, read_audio
from joint.conversation.linkage import agglomerative
from joint.conversation.turns import Turn
from joint.encoders.backbones.residual.repvgg import fold
from joint.encoders.identity import identity_of
from joint.encoders.recordings import embed_recordings
from joint.errors import CheckpointError, ConfigError, DataError
from joint.model import JointModel
from joint.task import Enrollment
from joint.training.building.model import load_model
from joint.training.precision import autocast_for
from joint.units import SAMPLE_RATE
from pretrained.catalogue import diarization_threshold
from tasks.recognition.conversations.attribution import attributed
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.inference import transcribe
from tasks.recognition.select import recogniser
from tasks.verification.backends.calibration import Calibration, probability

DESCRIPTION = ("data", "seed", "command", "trained", "licence", "validation", "figures")
"""The keys of a checkpoint's metadata that `info` gives."""

Recording = np.ndarray | str | Path
"""A waveform `(S,)` at 16 kHz in [-1, 1], or the path of an audio file."""


@dataclass(frozen=True)
class Verification:
    """The result of verifying two recordings.

    `score` is the cosine of the two embeddings; `same` whether it reaches the checkpoint's
    `threshold`; `probability` that of the same speaker, for a prior of 0.5. They are None where the
    checkpoint has no threshold or no calibration.
    """

    score: float
    threshold: float | None
    same: bool | None
    probability: float | None


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


class SpeakerModel:
    """A trained joint model: one encoder and its tasks, ready for inference."""

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
        return embed_recordings(self._embedding, waveforms, self.model.encoder.embedding_dim)

    def verify(self, first: Recording, second: Recording) -> Verification:
        """Compare two recordings: are they of the same speaker? Raises AudioError."""
        a, b = self.embed([first, second])
        score = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-12))
        threshold = self.threshold
        same = None if threshold is None else score >= threshold
        return Verification(score, threshold, same, self.probability(score))

    def probability(self, score: float) -> float | None:
        """The probability of the same speaker for a cosine and a prior of 0.5; None where the
        checkpoint has no calibration."""
        if self.calibration is None:
            return None
        return probability(float(self.calibration(np.array([score]))[0]))

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
        return diarization_threshold(self.identity.fingerprint) if chosen is None else chosen

    @property
    def calibration(self) -> Calibration | None:
        """Cosine to log-likelihood ratio, fitted when the checkpoint was shipped; None without."""
        stored = self.metadata.get("calibration")
        return None if stored is None else Calibration(stored["offset"], tuple(stored["gains"]))

    def extract(self, mixture: Recording, enrollment: Recording | Enrollment) -> np.ndarray:
        """Extract the enrolled speaker's speech from a mixture: float32 `(S,)`, as long as it.

        `enrollment` is a recording, or an `Enrollment` of several or of a kept embedding. Raises
        AudioError; CheckpointError where the checkpoint has no extraction task; ConfigError for a
        kept embedding where the extractor needs the recording.
        """
        if "extraction" not in self.model.tasks:
            raise CheckpointError(
                self.path,
                f"tasks {', '.join(self.model.tasks) or 'none'}",
                "one with an extraction task",
            )
        mixed = torch.from_numpy(self._waveform(mixture, "mixture")).to(self.device)
        enrolled = self._enrollment(enrollment)
        task = self.model.task("extraction")
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            found: Tensor = task.infer(self.model.view("extraction"), mixed, [enrolled])
        return found[0].float().cpu().numpy()

    def transcribe(
        self,
        recording: Recording,
        enrollments: Sequence[Recording | Enrollment] = (),
        mode: str | None = None,
        task: str | None = None,
        decoding: Decoding | None = None,
    ) -> list[list[str]]:
        """Transcribe a recording: the words (or phones) of each speaker.

        Args:
            enrollments: for mode `target`, one for each speaker to follow: a recording, or an
                `Enrollment` of several recordings or of a kept embedding; the result has their
                order, else that of the recogniser's outputs.
            mode: `single`, `simo`, `siso` or `target`, where the model has several recognisers.
            task: the name of one of them.
            decoding: how posteriors become words; None: the best path.

        Long recordings are decoded in windows, in bounded memory.

        Raises AudioError; CheckpointError where the model has no such recogniser; ConfigError where
        enrolments are missing, or are given to a recogniser that takes none.
        """
        name, head = recogniser(self.model, self.path, mode, task)
        asks = "enrollment" in head.requires
        if asks != bool(len(enrollments)):
            found = f"{len(enrollments)} enrolments"
            raise ConfigError(name, found, "one for each person" if asks else "none")
        waveform = torch.from_numpy(self._waveform(recording, "recording")).to(self.device)
        enrolled = [self._enrollment(e) for e in enrollments]
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            return transcribe(head, self.model.view(name), waveform, enrolled, decoding)

    def attribute(
        self,
        recording: Recording,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float | None = None,
        mode: str | None = None,
        task: str | None = None,
    ) -> list[Turn]:
        """Transcribe a conversation into turns, in order, each with its speaker, times and words.

        The words are those of the best path of a recogniser of mode `single`, `simo` or `siso`; see
        tasks.recognition.conversations.attribution.

        Args:
            enrolled: embeddings `(k, E)` of recordings of people by name; a speaker whose score
                reaches `threshold` gets that name.
            threshold: a cosine; None: the checkpoint's own.

        Raises AudioError; CheckpointError where the model has no such recogniser, or no threshold
        and one is needed; DataError for embeddings of another size.
        """
        name, head = recogniser(self.model, self.path, mode, task)
        if "enrollment" in head.requires:
            raise ConfigError(name, "a recogniser of mode target", "single, simo or siso")
        least = self.threshold if threshold is None else threshold
        if enrolled is not None and least is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        waveform = self._waveform(recording, "recording")
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            audio = torch.from_numpy(waveform).to(self.device)
            words = timed_words(head, self.model.view(name), audio)
        cluster = partial(self._clusters, least)
        return attributed(words, waveform, self.embed, enrolled, least or 0.0, cluster)

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

    def _enrollment(self, given: Recording | Enrollment) -> Enrollment:
        """`given` on the model's device; a recording becomes an enrolment."""
        if not isinstance(given, Enrollment):
            given = Enrollment.of(self._waveform(given, "enrolment"))
        size = self.model.encoder.embedding_dim
        if given.embedding is not None and given.embedding.shape != (size,):
            found = f"a kept embedding of shape {tuple(given.embedding.shape)}"
            raise DataError("enrolment", found, f"({size},), as this encoder gives")
        return given.to(self.device)

    def _clusters(
        self, least: float | None, embeddings: np.ndarray, speakers: int | None = None
    ) -> np.ndarray:
        """Cluster utterances by speaker; they are too few for spectral clustering."""
        threshold = self.diarization_threshold
        threshold = least if threshold is None else threshold
        if threshold is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        return agglomerative(embeddings, speakers, threshold)

    def _waveform(self, recording: Recording, where: str) -> np.ndarray:
        if isinstance(recording, str | Path):
            return read_audio(recording)
        waveform = np.ascontiguousarray(recording, dtype=np.float32)
        check_waveform(waveform, where)
        return waveform

    def _embedding(self, audio: Tensor, lengths: Tensor) -> np.ndarray:
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            encoding = self.model.encoder(audio.to(self.device), lengths.to(self.device))
        embedding: np.ndarray = encoding.embedding.float().cpu().numpy()
        return embedding
