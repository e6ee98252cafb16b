"""A loaded checkpoint's recognisers: words of each speaker, and turns with speakers and times."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from joint.app.diarizing import SpeakerDiarizer
from joint.app.results import Recording
from joint.conversation.turns import Turn
from joint.data.choices import Pipeline
from joint.errors import CheckpointError, ConfigError
from joint.task import Enrollment
from joint.training.precision import autocast_for
from tasks.recognition.conversations.attribution import attributed, spoken_in
from tasks.recognition.conversations.cascades import Extract
from tasks.recognition.conversations.separation import followed, separated
from tasks.recognition.decoding.best_path import Decoding
from tasks.recognition.decoding.timing import timed_words
from tasks.recognition.inference import WINDOW_FRAMES
from tasks.recognition.select import recogniser, topology_of
from tasks.recognition.topologies import SingleRecognition

if TYPE_CHECKING:
    from tasks.diarization.pipeline import Diarizer


class Transcriber(SpeakerDiarizer):
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
            return head.infer(self.model.view(name), waveform, enrolled, decoding)

    def attribute(
        self,
        recording: Recording,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float | None = None,
        mode: str | None = None,
        task: str | None = None,
        pipeline: Pipeline | None = None,
        extract: Extract | None = None,
    ) -> list[Turn]:
        """Transcribe a conversation into turns, in order, each with its speaker, times and words.

        The words are those of the best path of a recogniser of mode `single`, `simo` or `siso`; in
        a recording longer than its window of 20 s a word has the speaker whom the diarization
        pipeline finds then. Windows follow one another, in memory that does not grow with their
        number; see tasks.recognition.conversations.attribution.

        With a `pipeline` and an extractor, such as the model's `estimate`, a recogniser of mode
        `single` transcribes turn by turn, each speaker extracted where others overlap; and one of
        mode `target` follows the speakers whom the pipeline finds, turn by turn. They are enrolled
        by what they say without others; see tasks.recognition.conversations.separation.

        Args:
            enrolled: embeddings `(k, E)` of recordings of people by name; a speaker whose score
                reaches `threshold` gets that name.
            threshold: a cosine; None: the checkpoint's own.
            pipeline: how a recording of any length is diarized; None: by clustering, one of more
                than 20 s.
            extract: see above.

        Raises AudioError; CheckpointError where the model has no such recogniser, or no threshold
        and one is needed; DataError for embeddings of another size; ConfigError where recogniser,
        pipeline and extractor do not fit.
        """
        name, head = recogniser(self.model, self.path, mode, task)
        follows = "enrollment" in head.requires
        if follows and (pipeline is None or extract is not None):
            expected = "single, simo or siso, or a pipeline alone, whose speakers it follows"
            raise ConfigError(name, "a recogniser of mode target", expected)
        if extract is not None and (pipeline is None or not isinstance(head, SingleRecognition)):
            found = f"a recogniser of mode {topology_of(head)}, pipeline {pipeline}"
            raise ConfigError("extract", found, "mode single and a pipeline")
        least = self.threshold if threshold is None else threshold
        if enrolled is not None and least is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        waveform = self._waveform(recording, "recording")
        turns = None
        if pipeline is not None or len(waveform) > WINDOW_FRAMES * head.core.hop:
            diarizer = self._diarizer(pipeline or Pipeline.CLUSTERING, least)
            turns = diarizer(waveform, None, None, enrolled, least or 0.0)
        if turns is not None and (follows or extract is not None):
            return self._turn_by_turn(waveform, turns, name, extract)
        with torch.inference_mode(), autocast_for(self.precision, self.device):
            audio = torch.from_numpy(waveform).to(self.device)
            words = timed_words(head, self.model.view(name), audio)
            if turns is not None:
                return spoken_in(words, turns)
            (parts,) = words
        return attributed(parts, waveform, self.embed, enrolled, least or 0.0)

    def _turn_by_turn(
        self, waveform: np.ndarray, turns: Sequence[Turn], task: str, extract: Extract | None
    ) -> list[Turn]:
        """The turns with the words of a task of recognition; see `attribute`."""

        def words(mixture: np.ndarray, *enrolment: np.ndarray) -> list[str]:
            return self.transcribe(mixture, enrolment, None, task)[0]

        if extract is None:
            return followed(waveform, turns, words)
        return separated(waveform, turns, extract, words)

    def _diarizer(self, pipeline: Pipeline, least: float | None) -> "Diarizer":
        """The pipeline; a checkpoint without a threshold for windows has that of verification."""
        from joint.app.shared.pipelines import PipelineChoice

        own = self.diarization_threshold
        choice = PipelineChoice(pipeline, cluster_threshold=least if own is None else own)
        self.check_tasks(choice)
        if choice.cluster_threshold is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        return self.diarizer(choice)
