"""A loaded checkpoint's recognisers: words of each speaker, and turns with speakers and times."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch

from joint.app.base import LoadedModel
from joint.app.results import Recording
from joint.conversation.linkage import agglomerative
from joint.conversation.turns import Turn
from joint.errors import CheckpointError, ConfigError
from joint.task import Enrollment
from joint.training.precision import autocast_for
from tasks.recognition.conversations.attribution import attributed
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.inference import transcribe
from tasks.recognition.select import recogniser


class Transcriber(LoadedModel):
    """A model that transcribes, where it has a recogniser."""

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

    def _clusters(
        self, least: float | None, embeddings: np.ndarray, speakers: int | None = None
    ) -> np.ndarray:
        """Cluster utterances by speaker; they are too few for spectral clustering."""
        threshold = self.diarization_threshold
        threshold = least if threshold is None else threshold
        if threshold is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        return agglomerative(embeddings, speakers, threshold)
