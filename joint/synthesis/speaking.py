"""SpeakingTask: the contract of every task that speaks a text in an enrolled voice; InfillingTask,
of one that also speaks within a recording."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from torch import Tensor

from joint.errors import ConfigError
from joint.outputs import SpeakerEncoding
from joint.synthesis.decoders.base import AS_TRAINED, Sampling
from joint.synthesis.lengths import TimedPhones
from joint.task import Encode, Enrollment, Task, encode_enrollments
from joint.units import Decibels


@dataclass(frozen=True)
class SpeakingOptions:
    """How a text is spoken: at `rate` times the predicted speed, `pitch` in semitones and `energy`
    above what is predicted; the decoder's `sampling`. `prompt` are the phones of the enrolment's
    recording with their durations, one row, for a task that goes on from it; None: not known."""

    rate: float = 1.0
    pitch: float = 0.0
    energy: Decibels = 0.0
    sampling: Sampling = AS_TRAINED
    prompt: TimedPhones | None = None


AS_PREDICTED = SpeakingOptions()
"""As the predictors say."""


class SpeakingTask(Task):
    """Speaks phones in the voice of an enrolled speaker: what `joint synthesize` and `joint
    evaluate synthesis` ask of a checkpoint's task `synthesis`."""

    makes_waveform: ClassVar[bool] = False
    """Whether `speak_in` gives a waveform; else a log-mel spectrogram that a vocoder finishes."""
    controls: frozenset[str] = frozenset()
    """Which of `rate`, `pitch`, and `steps`, `temperature` and `top_p` of the sampling change
    something. (Any task may ignore `energy`: the level of the whole is set behind it.)"""
    reads_prompt: bool = False
    """Whether the task reads `SpeakingOptions.prompt`."""

    @abstractmethod
    def speak_in(
        self,
        encoding: SpeakerEncoding,
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """Speak `phones (P,)`, silences (phone 0) among them, in the voice of an `encoding` of one
        row: an enrolment of several texts.

        Returns the log-mel spectrogram `(MELS, F)` of `joint.synthesis.mel`, or the waveform `(S,)`
        at 16 kHz where the task `makes_waveform`. Raises ConfigError where the task needs more of
        the enrolment than `encoding` has, such as its recording.
        """

    def speak(
        self,
        encode: Encode,
        phones: Tensor,
        enrollment: Enrollment,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Tensor:
        """As `speak_in`, in the voice of the enrolment."""
        return self.speak_in(encode_enrollments(encode, [enrollment]), phones, options)

    def infer(
        self, encode: Encode, recording: Tensor, enrollments: Sequence[Enrollment] = ()
    ) -> Tensor:
        """See Task: as `speak`; what is given in the recording's place are the phones `(P,)`."""
        if len(enrollments) != 1:
            raise ConfigError("enrolments", str(len(enrollments)), "one: whose voice it is")
        return self.speak(encode, recording, enrollments[0])


class Exchanged(NamedTuple):
    """A recording with other phones in it: its log-mel spectrogram `(MELS, F)`, or its waveform
    `(S,)` where the task `makes_waveform`, and the frames of the log-mel from which and up to which
    it is new."""

    speech: Tensor
    start: int
    end: int


class InfillingTask(SpeakingTask):
    """Also speaks phones in the place of others within a recording: what `joint edit` asks of a
    checkpoint's task `synthesis`."""

    @abstractmethod
    def exchange(
        self,
        encoding: SpeakerEncoding,
        recording: Tensor,
        timed: TimedPhones,
        place: tuple[int, int],
        phones: Tensor,
        options: SpeakingOptions = AS_PREDICTED,
    ) -> Exchanged:
        """Speak `phones (P,)` in the place of those from the first one of `place` up to the second
        in `timed`, one row, the phones of a `recording (S,)` at the usual level, which also enrols
        the voice of `encoding`."""
