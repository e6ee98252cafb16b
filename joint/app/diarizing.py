"""A loaded checkpoint as a diarizer: who speaks when."""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from joint.app.base import LoadedModel
from joint.app.results import Recording
from joint.audio import AudioWarning
from joint.conversation.turns import Turn
from joint.data.choices import Pipeline
from joint.errors import CheckpointError, DataError
from joint.inspection.domain import NO_SPEECH
from joint.training.precision import autocast_for

if TYPE_CHECKING:
    from joint.app.shared.pipelines import PipelineChoice
    from joint.conversation.clustering import Cluster
    from joint.data.corpus import Corpus
    from tasks.diarization.pipeline import Diarizer
    from tasks.diarization.segmentation.windows import LocalActivity


class SpeakerDiarizer(LoadedModel):
    """A model that tells the speakers of a recording apart."""

    def diarize(
        self,
        recording: Recording,
        speakers: int | None = None,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float | None = None,
        diarizer: "Diarizer | None" = None,
        progress: bool = False,
    ) -> list[Turn]:
        """Find who speaks when, in order; no turns where there is no speech.

        Args:
            speakers: their number, where it is known.
            enrolled: embeddings `(k, E)` of recordings of people by name; a speaker whose score
                reaches `threshold` gets that name, others are speaker1, speaker2, ….
            threshold: a cosine; None: the checkpoint's own.
            diarizer: another pipeline than clustering, as `diarizer` makes it.
            progress: whether to show bars.

        Warns with AudioWarning of a recording that the checkpoint cannot judge, and of speech that
        is too short to be embedded. Raises AudioError; CheckpointError where a threshold is needed
        and there is none; DataError, which names the recording, for more `speakers` than windows.
        """
        diarizer = diarizer or self.diarizer(speakers_given=speakers is not None)
        least = self.threshold if threshold is None else threshold
        if enrolled is not None and least is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        looked_at = self.inspect(recording)
        flaw = self.judge(looked_at)
        speech = looked_at.speech if diarizer.needs_speech else None
        try:
            turns = diarizer(looked_at.waveform, speech, speakers, enrolled, least or 0.0, progress)
        except DataError as error:
            where = f"{looked_at.where}: {error.where}"
            raise DataError(where, error.found, error.expected) from None
        if not turns and flaw != NO_SPEECH:
            text = f"{looked_at.where}: {NO_SPEECH} that can be embedded"
            warnings.warn(text, AudioWarning, stacklevel=2)
        return turns

    def diarizer(
        self,
        choice: "PipelineChoice | Pipeline | None" = None,
        speakers_given: bool = False,
        progress: bool = False,
    ) -> "Diarizer":
        """The pipeline of a `choice`, or by its name, clustering where None, with this model's
        encoder and heads, for `diarize`.

        Raises CheckpointError where neither the checkpoint nor the choice has a threshold by which
        speakers are counted, unless their number is given, and for a model without a task that the
        pipeline needs.
        """
        # a model that verifies does not need them
        from joint.app.shared.pipelines import PipelineChoice
        from joint.data.choices import Clustering
        from joint.data.opening import open_corpus
        from joint.inspection.speech import SileroSpeech
        from tasks.diarization.pipeline import Diarizer

        if not isinstance(choice, PipelineChoice):
            choice = PipelineChoice(choice or Pipeline.CLUSTERING)
        self.check_tasks(choice)
        threshold = choice.cluster_threshold
        threshold = self.diarization_threshold if threshold is None else threshold
        if threshold is None and (not speakers_given or choice.clustering is Clustering.VBX):
            expected = "--cluster-threshold COSINE: this checkpoint has no threshold"
            if choice.clustering is not Clustering.VBX:
                expected = f"--speakers N or {expected}"
            raise CheckpointError(self.path, "no diarization threshold", expected)
        kind, segment = choice.pipeline, None
        if kind in (Pipeline.POWERSET, Pipeline.OVERLAP):
            segment = self.local_speakers()
        again = self.second_pass() if kind is Pipeline.TS_VAD else None
        if choice.cohort is not None:
            corpus = open_corpus(choice.cohort)
            try:
                cluster = self.vbx(corpus, threshold, progress)
            except DataError as error:
                expected = "more speakers and recordings for --clustering vbx"
                raise DataError(choice.cohort, error.found, expected) from None
        else:
            cluster = choice.cluster(threshold, progress)
        return Diarizer(
            self.embed,
            threshold,
            cluster,
            SileroSpeech(),
            segment=segment if kind is Pipeline.POWERSET else None,
            overlap=segment if kind is Pipeline.OVERLAP else None,
            second_pass=again,
        )

    def check_tasks(self, choice: "PipelineChoice") -> None:
        """Raise CheckpointError for a model without a task that the pipeline needs."""
        for name in choice.tasks:
            self._task(name)

    def local_speakers(self) -> "Callable[[np.ndarray], LocalActivity]":
        """What finds the local speakers of windows of a waveform `(S,)`. The model's task is called
        `segmentation`; raises CheckpointError where there is none."""
        import torch

        from tasks.diarization.segmentation.task import SegmentationTask

        task = self._task("segmentation")
        if not isinstance(task, SegmentationTask):
            raise CheckpointError(self.path, f"a {type(task).__name__}", "a SegmentationTask")
        encode = self.model.view("segmentation")

        def found(waveform: np.ndarray) -> "LocalActivity":
            with torch.inference_mode(), autocast_for(self.precision, self.device):
                return task.infer(encode, torch.from_numpy(waveform).to(self.device))

        return found

    def second_pass(self) -> Callable[[np.ndarray, list[Turn]], list[Turn]]:
        """What looks for the speakers of turns again, by target-speaker voice activity detection:
        called with a waveform `(S,)` and its turns, it gives others, where people may overlap. The
        model's task is called `activity`; raises CheckpointError where there is none."""
        import torch

        from tasks.activity.second_pass import SecondPass, find_with
        from tasks.activity.task import ActivityTask

        task = self._task("activity")
        if not isinstance(task, ActivityTask):
            raise CheckpointError(self.path, f"a {type(task).__name__}", "an ActivityTask")
        again = SecondPass(find_with(task, self.model.view("activity"), self.device))

        def found(waveform: np.ndarray, turns: list[Turn]) -> list[Turn]:
            with torch.inference_mode(), autocast_for(self.precision, self.device):
                return again(waveform, turns)

        return found

    def vbx(
        self, corpus: "Corpus", cluster_threshold: float | None = None, progress: bool = False
    ) -> "Cluster":
        """VBx, fitted on windows of the corpus's speakers. Raises CheckpointError where the model
        has no threshold to begin from and none is given."""
        from joint.app.shared.windows import vbx_of

        if cluster_threshold is None:
            cluster_threshold = self.diarization_threshold
        if cluster_threshold is None:
            expected = "--cluster-threshold COSINE: this checkpoint has no threshold"
            raise CheckpointError(self.path, "no diarization threshold", expected)
        return vbx_of(self.embed, corpus, cluster_threshold, progress)
