"""A loaded checkpoint as a diarizer: who speaks when."""

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from joint.app.base import LoadedModel
from joint.app.results import Recording
from joint.audio import AudioWarning
from joint.conversation.turns import Turn
from joint.errors import CheckpointError
from joint.inspection.domain import NO_SPEECH
from joint.training.precision import autocast_for

if TYPE_CHECKING:
    from joint.conversation.clustering import Cluster
    from joint.data.corpus import Corpus


class SpeakerDiarizer(LoadedModel):
    """A model that tells the speakers of a recording apart."""

    def diarize(
        self,
        recording: Recording,
        speakers: int | None = None,
        enrolled: Mapping[str, np.ndarray] | None = None,
        threshold: float | None = None,
        cluster_threshold: float | None = None,
        progress: bool = False,
        cluster: "Cluster | None" = None,
        second_pass: bool = False,
    ) -> list[Turn]:
        """Find who speaks when, in order; no turns where there is no speech.

        Args:
            speakers: their number, where it is known.
            enrolled: embeddings `(k, E)` of recordings of people by name; a speaker whose score
                reaches `threshold` gets that name, others are speaker1, speaker2, ….
            threshold: a cosine; None: the checkpoint's own.
            cluster_threshold: the least mean cosine of one speaker's windows, which estimates the
                number of speakers; None: the checkpoint's own.
            progress: whether to show bars.
            cluster: another clustering, such as `vbx` makes.
            second_pass: whether the speakers found are looked for again, see `second_pass`.

        Warns with AudioWarning of a recording that the checkpoint cannot judge, and of speech that
        is too short to be embedded. Raises AudioError; CheckpointError where a threshold is needed
        and there is none, and where a second pass is asked for and there is no task `activity`;
        DataError for more `speakers` than windows.
        """
        from tasks.diarization.inference import Diarizer  # a model that verifies does not need it

        if cluster_threshold is None:
            cluster_threshold = self.diarization_threshold
        if cluster_threshold is None and speakers is None:
            expected = (
                "--speakers N or --cluster-threshold COSINE: this checkpoint has no threshold"
            )
            raise CheckpointError(self.path, "no diarization threshold", expected)
        least = self.threshold if threshold is None else threshold
        if enrolled is not None and least is None:
            raise CheckpointError(self.path, "no threshold", "one, or --threshold COSINE")
        again = self.second_pass() if second_pass else None
        looked_at = self.inspect(recording)
        flaw = self.judge(looked_at)
        diarizer = Diarizer(self.embed, cluster_threshold, cluster)
        turns = diarizer(
            looked_at.waveform, looked_at.speech, speakers, enrolled, least or 0.0, progress
        )
        if again is not None:
            turns = again(looked_at.waveform, turns)
        if not turns and flaw != NO_SPEECH:
            text = f"{looked_at.where}: {NO_SPEECH} that can be embedded"
            warnings.warn(text, AudioWarning, stacklevel=2)
        return turns

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
        """VBx, fitted on windows of the corpus's speakers, for `diarize(…, cluster=…)`. Raises
        CheckpointError where the model has no threshold to begin from and none is given."""
        from joint.app.shared.windows import vbx_of

        if cluster_threshold is None:
            cluster_threshold = self.diarization_threshold
        if cluster_threshold is None:
            expected = "--cluster-threshold COSINE: this checkpoint has no threshold"
            raise CheckpointError(self.path, "no diarization threshold", expected)
        return vbx_of(self.embed, corpus, cluster_threshold, progress)
