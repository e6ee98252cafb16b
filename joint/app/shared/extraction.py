"""The speech of enrolled people out of a mixture, and whether they talk in it, whatever computes
it."""

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from joint.app.results import Enrolled, Extraction, Recording
from joint.app.shared.enrolling import Enrolling, refuse_same
from joint.audio import AudioWarning
from joint.conversation.clustering import number_of_speakers
from joint.errors import AudioError, CheckpointError, ConfigError
from joint.inspection.domain import EXTRACTION_SPEECH, NO_SPEECH
from joint.inspection.excerpt import most_speech
from joint.inspection.reading import InspectedRecording
from joint.task import Enrollment
from joint.units import SAMPLE_RATE
from tasks.diarization.windows import windows
from tasks.extraction.enrolment.overlap import KEY as OVERLAP
from tasks.extraction.enrolment.overlap import LONGEST, Overlap
from tasks.extraction.enrolment.overlap import measures as overlap_measures
from tasks.extraction.presence import KEY, Presence, measures, window_embeddings

THE_MIXTURE = "the mixture itself"
AT_ONCE = "the voices of several people at once"
TARGET_ALONE = "a recording in which the target speaker talks alone"


class Extracting(Enrolling):
    """An encoder and an extractor at work."""

    @abstractmethod
    def check_extractor(self) -> None:
        """Raise CheckpointError where there is no extractor."""

    @abstractmethod
    def estimate(self, mixture: Recording, enrollment: Recording | Enrollment) -> np.ndarray:
        """The extractor's output alone, float32 `(S,)`: as `extraction`, but the recordings are not
        looked at, for evaluations of many mixtures."""

    def extract(self, mixture: Recording, enrollment: Enrolled) -> np.ndarray:
        """Extract the enrolled speaker's speech from a mixture: float32 `(S,)`, as long as it; see
        `extraction`."""
        return self.extraction(mixture, enrollment).waveform

    def extraction(self, mixture: Recording, enrollment: Enrolled) -> Extraction:
        """Extract the enrolled speaker's speech, and say whether that speaker is in the mixture.

        `enrollment` is a recording, a list of several of one person, or an `Enrollment` of these or
        of a kept embedding. The speech is as loud as in the mixture. An AudioWarning names a
        recording that the checkpoint cannot judge, and another an enrolment in which several people
        talk, at once or in turn; a third says where the speaker is not present.

        Raises AudioError, also for an enrolment without speech, for one that is the mixture and for
        one that is certainly of several people;
        CheckpointError where the checkpoint has no extraction task; ConfigError for a kept
        embedding where the extractor needs the recording.
        """
        self.check_extractor()
        mixed = self.inspect(mixture, "mixture")
        ((_, found),) = self.extractions(mixed, {"": enrollment})
        if found.present is False:
            shown = "" if found.presence is None else f" (score {found.presence:.1f})"
            text = f"{mixed.where}: the enrolled speaker is not present{shown}"
            warnings.warn(text, AudioWarning, stacklevel=2)
        return found

    def extractions(
        self, mixture: Recording, people: Mapping[str, Enrolled]
    ) -> Iterator[tuple[str, Extraction]]:
        """The `extraction` of several people, by their names, one after the other; there is no
        warning where one of them is not present. The more people, the higher a score must be to
        count as present (`Presence.among`). All are looked at before the first is extracted; errors
        name them."""
        self.check_extractor()
        mixed = self.inspect(mixture, "mixture")
        flaw, around = self.judge(mixed), None
        known = {}
        for name, enrollment in people.items():
            known[name] = self._person(enrollment, EXTRACTION_SPEECH, name)
            person, alone = known[name]
            for enrolled in alone:
                refuse_same(mixed, enrolled, THE_MIXTURE, TARGET_ALONE)
            self.judge(*alone)
            self._warn_of_turns(self.check_overlap(alone))
            if person.embedding is not None:
                self._try_kept(name, mixed, person)
        decision = self.presence and self.presence.among(max(1, len(known)))
        for name, (person, alone) in known.items():
            waveform = self.estimate(mixed, person)
            if not np.isfinite(waveform).all():
                found = "an extractor that gives NaN or infinite samples"
                raise CheckpointError(self.path, found, "finite ones")
            score, present = None, False if flaw == NO_SPEECH else None
            if decision is not None:
                if around is None:
                    around = window_embeddings(self.embed_waveforms, mixed.waveform)
                own, embed = self._known(person, alone), self.embed_waveforms
                score = decision(measures(embed, mixed.waveform, own, waveform, around))
                present = score >= decision.threshold and flaw != NO_SPEECH
            yield name, Extraction(waveform, score, present)

    def _try_kept(self, name: str, mixed: InspectedRecording, person: Enrollment) -> None:
        """Raise ConfigError, naming the person, where the extractor needs a recording: known from
        the first second, before hours of work."""
        try:
            self.estimate(mixed.waveform[:SAMPLE_RATE], person)
        except ConfigError as error:
            where = f"{name}: {error.where}" if name else error.where
            raise ConfigError(where, error.found, error.expected) from error

    @property
    def presence(self) -> Presence | None:
        """How presence in a mixture is decided; None where the checkpoint does not say."""
        return Presence.of(self.metadata.get(KEY), self.path)

    @property
    def overlap(self) -> Overlap | None:
        """How voices at once in an enrolment are noticed; None where the checkpoint cannot."""
        return Overlap.of(self.metadata.get(OVERLAP), self.path)

    def check_overlap(self, enrolled: Sequence[InspectedRecording]) -> list[InspectedRecording]:
        """Warn with AudioWarning of a recording to enrol in which several people talk at once, as
        far as the checkpoint can tell; returns those of which there is no warning. Raises
        AudioError where it is certain."""
        return [recording for recording in enrolled if not self._warn_of_overlap(recording)]

    def _warn_of_overlap(self, enrolled: InspectedRecording) -> bool:
        """Whether there was a warning of voices at once. Raises AudioError."""
        if (decision := self.overlap) is None:
            return False
        voice = most_speech(enrolled, LONGEST)
        score = decision(overlap_measures(self.estimate, self.embed_waveforms, voice))
        if score < decision.threshold:
            return False
        if decision.certain is not None and score > decision.certain:
            raise AudioError(enrolled.where, AT_ONCE, TARGET_ALONE)
        text = f"{enrolled.where}: found {AT_ONCE} (score {score:.1f}); expected {TARGET_ALONE}"
        warnings.warn(text, AudioWarning, stacklevel=5)
        return True

    def _warn_of_turns(self, alone: Sequence[InspectedRecording]) -> None:
        """Warn with AudioWarning of an enrolment in which voices are found that are further apart
        than one speaker's windows are."""
        if (threshold := self.diarization_threshold) is None:
            return
        for enrolled in alone:
            found = windows(enrolled.speech, len(enrolled.waveform))
            parts = [enrolled.waveform[slice(*window.input)] for window in found]
            if len(parts) < 2:
                continue
            count = number_of_speakers(self.embed_waveforms(parts), threshold)
            if count > 1:
                text = f"{enrolled.where}: the voices of {count} people; expected {TARGET_ALONE}"
                warnings.warn(text, AudioWarning, stacklevel=4)
