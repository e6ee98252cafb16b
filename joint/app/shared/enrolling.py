"""People that are made known by recordings, or by an embedding kept from before."""

from collections.abc import Sequence

import numpy as np
import torch

from joint.app.results import Enrolled, Recording
from joint.app.shared.judging import Judging
from joint.directions import unit
from joint.errors import AudioError, DataError
from joint.inspection.domain import refuse_enrolment
from joint.inspection.excerpt import LONGEST, most_speech
from joint.inspection.likeness import is_in
from joint.inspection.reading import InspectedRecording
from joint.task import Enrollment
from joint.units import Seconds


class Enrolling(Judging):
    """An encoder at work for tasks that depend on an enrolled person."""

    def _enrollment(self, given: Recording | Enrollment) -> Enrollment:
        """`given` as an enrolment. Raises AudioError, DataError for another encoder's embedding."""
        if not isinstance(given, Enrollment):
            given = Enrollment.of(self._waveform(given, "enrolment"))
        size = self.embedding_dim
        if given.embedding is not None and given.embedding.shape != (size,):
            found = f"a kept embedding of shape {tuple(given.embedding.shape)}"
            raise DataError("enrolment", found, f"({size},), as this encoder gives")
        return given

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


def refuse_same(
    recording: InspectedRecording, enrolled: InspectedRecording, what: str, expected: str
) -> None:
    """Raise AudioError for an enrolment that is the `recording` itself or holds nine tenths of it,
    at any level and however it was stored: found `what`."""
    if is_in(recording.waveform, enrolled.waveform):
        raise AudioError(enrolled.where, what, expected)
