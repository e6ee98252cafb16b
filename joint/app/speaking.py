"""A loaded checkpoint's voices: a text or another recording in the voice of an enrolled speaker."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from joint.app.manner import check_controls, check_curves, check_manner
from joint.app.results import Enrolled, Recording
from joint.app.shared.enrolling import refuse_same
from joint.app.shared.vocoders import Vocoding
from joint.audio import AudioWarning
from joint.directions import unit
from joint.errors import ConfigError, DataError
from joint.inspection.domain import NO_SPEECH, SYNTHESIS_SPEECH
from joint.inspection.reading import InspectedRecording
from joint.outputs import SpeakerEncoding
from joint.synthesis.finishing.joining import faded, joined, pause_after
from joint.task import Enrollment, encode_enrollments
from joint.training.precision import autocast_for
from joint.units import Decibels

if TYPE_CHECKING:
    from joint.synthesis.control.curves import Curve
    from joint.synthesis.lengths import TimedPhones
    from joint.synthesis.speaking import SpeakingTask
    from joint.synthesis.vocoders.base import Vocoder
    from joint.text.reading import Sentence

QUIETEST_PIECE = 1e-3
"""Level of a piece of a source, as a share of the whole's, below which it is as good as silent."""

THE_SOURCE = "the source of the conversion itself"
TARGET_SPEAKER = "a recording of the target speaker"


class Synthesizer(Vocoding):
    """A model that speaks, where it has tasks of synthesis, conversion and a vocoder."""

    def synthesize(
        self,
        text: "str | Sequence[Sentence]",
        enrollment: Enrolled,
        rate: float = 1.0,
        pitch: float = 0.0,
        energy: Decibels = 0.0,
        steps: int | None = None,
        vocoder: str | None = None,
        seed: int = 0,
        enrollment_text: str | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> np.ndarray:
        """Speak an English text in the voice of an enrolled speaker: float32 `(S,)` at 16 kHz.

        The sentences are spoken one by one, in bounded memory, with pauses between. Speech is at
        -23 dB of full scale, plus `energy`, where that does not clip. Give files of it the comment
        that it is synthetic: `joint.synthesis.finishing.marking.write_synthetic`.

        Args:
            text: or what `joint.text.reading.read_aloud` made of it.
            enrollment: a recording with a second of speech or more, a list of several, or an
                `Enrollment`.
            rate: speed, 0.25 to 4; 1 is what the checkpoint predicts.
            pitch: semitones above what the checkpoint predicts, -24 to 24.
            energy: decibels above what the checkpoint predicts, -24 to 24.
            steps: of a decoder that follows a flow, 1 to 100; None: the decoder's own.
            vocoder: See `vocoder`; None: the checkpoint's.
            seed: of what the decoder draws: the same seed gives the same speech.
            enrollment_text: the words of the enrolment's recording, for a checkpoint whose
                synthesis goes on from it, such as Voicebox.
            temperature: of what is drawn, by a decoder that follows a flow, VITS or a language
                model of codes, 0 to 2: lower is more alike from seed to seed; None: its own.
            top_p: least probability of the most probable codes that a language model of codes draws
                from, 0.01 to 1; None: its own.

        Raises DataError for a text that cannot be spoken; AudioError for a recording that cannot be
        used and an enrolment with too little speech; ConfigError for a number outside its range;
        ConfigError for what the checkpoint's task cannot control, and for a vocoder where it makes
        waveforms itself; CheckpointError where the checkpoint has no synthesis task or no vocoder.
        """
        task = self._speaking_task()
        drawn: dict[str, Any] = {"steps": steps, "temperature": temperature, "top_p": top_p}
        check_manner(vocoder, rate=rate, pitch=pitch, energy=energy, seed=seed, **drawn)
        made_by = self._made_by(vocoder)
        # imported here: a model that embeds needs none of them
        from joint.synthesis.decoders.base import Sampling
        from joint.synthesis.finishing.windows import vocoded
        from joint.synthesis.level import without_clipping
        from joint.synthesis.speaking import SpeakingOptions
        from joint.text.reading import Sentence, phone_indices, read_aloud

        check_controls(task.controls, rate=rate, pitch=pitch, **drawn)
        sentences = read_aloud(text) if isinstance(text, str) else text
        if not (
            isinstance(sentences, Sequence) and all(isinstance(s, Sentence) for s in sentences)
        ):
            found = f"a value of type {type(text).__name__}"
            raise DataError("text", found, "one str, or a list of Sentence")
        if not sentences:
            raise DataError("text", "no sentences", "at least one")
        inventory = self.metadata.get("phones", ())
        indices = [phone_indices(s.phones, inventory, str(self.path)) for s in sentences]
        person, alone = self._person(enrollment, SYNTHESIS_SPEECH)
        self.judge(*alone)
        person = self._enrollment(person)
        prompt = self._prompt(task, person, enrollment_text)
        sampling = Sampling(steps=steps, seed=seed, temperature=temperature, top_p=top_p)
        options = SpeakingOptions(rate, pitch, energy, sampling, prompt)
        spoken = []
        with torch.inference_mode():
            encoding = self._encoding("synthesis", person)
            for phones in indices:
                with autocast_for(self.precision, self.device):
                    made = task.speak_in(encoding, phones.to(self.device), options).float()
                spoken.append((vocoded(made_by, made) if made_by else made).cpu().numpy())
        pauses = [pause_after(sentence.text) / rate for sentence in sentences]
        whole = torch.from_numpy(joined(spoken, pauses[:-1]))
        return without_clipping(whole[None], energy)[0].numpy()

    def convert(
        self,
        source: Recording,
        enrollment: Enrolled,
        steps: int | None = None,
        vocoder: str | None = None,
        seed: int = 0,
        rate: "float | Curve" = 1.0,
        pitch: "float | Curve" = 0.0,
        temperature: float | None = None,
    ) -> np.ndarray:
        """Speak what a recording says in the voice of an enrolled speaker: float32 `(S,)` at
        16 kHz, as long as the `source`, unless the `rate` changes that.

        A long source is converted in pieces that are cut in pauses. `rate` is the speed, `pitch` is
        in semitones above the range of the target; either is a number or a Curve over the time of
        the source. For the other arguments, the level and the comment in files see `synthesize`. An
        AudioWarning says where the voices of source and target are alike, so that little changes.

        Raises AudioError for a recording that cannot be used, an enrolment with too little speech,
        and an enrolment that is the source; ConfigError for `steps` and
        `temperature` where the decoder takes none;
        CheckpointError where the checkpoint has no conversion task or no vocoder.
        """
        task = self._task("conversion")
        check_manner(vocoder, steps=steps, seed=seed, temperature=temperature)
        made_by = self.vocoder(vocoder)
        from joint.synthesis.control.curves import Curve
        from joint.synthesis.control.rate import paced
        from joint.synthesis.decoders.base import Sampling
        from joint.synthesis.finishing.windows import mel_in_pieces, vocoded
        from joint.synthesis.level import speech_rms, without_clipping
        from tasks.conversion.task import ConversionTask

        assert isinstance(task, ConversionTask)
        check_controls(task.controls, steps=steps, temperature=temperature)
        spoken = self.inspect(source, "source")
        person, alone = self._person(enrollment, SYNTHESIS_SPEECH)
        for enrolled in alone:
            refuse_same(spoken, enrolled, THE_SOURCE, TARGET_SPEAKER)
        flaw = self.judge(spoken, *alone)
        if flaw != NO_SPEECH:
            self._warn_alike(spoken, person, alone)
        person = self._enrollment(person)
        speed, melody = Curve.of(rate), Curve.of(pitch)
        check_curves(rate=speed, pitch=melody)
        own = paced(spoken.waveform, speed)
        waveform = torch.from_numpy(own.waveform).to(self.device)
        log_hertz = melody.at(own.seconds) * np.log(2.0) / 12.0
        # one more: rounding up to whole frames may add one
        raised = torch.from_numpy(np.append(log_hertz, log_hertz[-1])).to(waveform)
        rms = speech_rms(waveform[None])
        sampling = Sampling(steps=steps, seed=seed, temperature=temperature)

        def converted(piece: Tensor, frames: slice) -> Tensor:
            length = torch.tensor([len(piece)], device=self.device)
            with autocast_for(self.precision, self.device):
                log_mel = task.convert(
                    piece[None], length, encoding, sampling, encode, raised[None, frames]
                )[0]
            # the task brings every piece to one level; a piece without speech must stay quiet
            share = (speech_rms(piece[None]) / rms).clamp(min=QUIETEST_PIECE)
            return log_mel.float() + share.log()

        encode = self.model.view("conversion")
        with torch.inference_mode():
            encoding = self._encoding("conversion", person)
            log_mel = mel_in_pieces(converted, waveform)
            made = vocoded(made_by, log_mel)[: len(waveform)]
        whole = torch.from_numpy(faded(made.cpu().numpy()))
        return without_clipping(whole[None])[0].numpy()

    def _prompt(
        self, task: "SpeakingTask", person: Enrollment, text: str | None
    ) -> "TimedPhones | None":
        """The phones of an enrolment that says `text`. Raises ConfigError for a task that does not
        read them and for an enrolment without recordings, DataError where they do not agree."""
        if text is None:
            return None
        if not task.reads_prompt:
            expected = "none: this synthesis does not go on from an enrolment"
            raise ConfigError("enrollment_text", repr(text), expected)
        if not person.recordings:
            raise ConfigError("enrollment_text", "a kept embedding", "a recording that says it")
        from joint.app.shared.aligning import aligned_text

        waveform = torch.cat(person.recordings).cpu().numpy()
        phones = self.metadata.get("phones", ())
        aligned = aligned_text(waveform, text, phones, "enrolment", str(self.path))
        return aligned.phones.to(self.device)

    @property
    def reads_prompts(self) -> bool:
        """Whether the checkpoint's synthesis goes on from an enrolment whose words are known."""
        return self._speaking_task().reads_prompt

    @property
    def speaks_waveforms(self) -> bool:
        """Whether the checkpoint's synthesis makes waveforms without a vocoder. Raises
        CheckpointError where there is none."""
        return self._speaking_task().makes_waveform

    def _made_by(self, vocoder: str | None) -> "Vocoder | None":
        """The vocoder of what the synthesis task makes; None where that is waveforms. Raises
        ConfigError where a vocoder is asked for all the same; see `vocoder`."""
        if not self.speaks_waveforms:
            return self.vocoder(vocoder)
        if vocoder is not None:
            raise ConfigError("vocoder", vocoder, "none: this synthesis makes waveforms itself")
        return None

    def _speaking_task(self) -> "SpeakingTask":
        from joint.synthesis.speaking import SpeakingTask

        task = self._task("synthesis")
        assert isinstance(task, SpeakingTask)
        return task

    def _encoding(self, task: str, person: Enrollment) -> SpeakerEncoding:
        """Of an enrolment under a task's switch: once for all sentences or pieces."""
        with autocast_for(self.precision, self.device):
            return encode_enrollments(self.model.view(task), [person])

    def _warn_alike(
        self,
        source: InspectedRecording,
        person: Enrollment,
        alone: Sequence[InspectedRecording],
    ) -> None:
        target = self._known(person, alone)
        score = float(unit(self.embed([source])[0]) @ unit(target))
        if self.threshold is not None and score >= self.threshold:
            text = f"{source.where}: a voice like the target's (score {score:.2f}, from "
            text += f"{self.threshold:.2f} on the same speaker): little will change"
            warnings.warn(text, AudioWarning, stacklevel=3)
