"""Other words within a recording, in the voice that speaks there."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from joint.app.manner import check_controls, check_manner
from joint.app.results import Recording
from joint.app.shared.aligning import AlignedText, aligned_text
from joint.app.speaking import Synthesizer
from joint.errors import CheckpointError, DataError
from joint.inspection.domain import SYNTHESIS_SPEECH, refuse_enrolment
from joint.task import Enrollment
from joint.training.precision import autocast_for
from joint.units import Samples

if TYPE_CHECKING:
    from joint.synthesis.speaking import InfillingTask

FADE: Samples = 160
"""Within which the recording and what is made fade into each other, 10 ms around each border."""


class Edited(NamedTuple):
    """A waveform `(S,)` and the Samples from which and up to which it was made."""

    waveform: np.ndarray
    start: Samples
    end: Samples


class Editor(Synthesizer):
    """A model that exchanges words, where it has a synthesis that infills and a vocoder."""

    def edit(
        self,
        recording: Recording,
        text: str,
        old: str,
        new: str,
        rate: float = 1.0,
        steps: int | None = None,
        vocoder: str | None = None,
        seed: int = 0,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Edited:
        """Exchange the words `old` of a recording of `text` for the words `new`, at
        its level and in its voice: float32 `(S,)` at 16 kHz.

        What stands before and behind them stays, sample by sample, but for 10 ms at each border.
        For the other arguments see `synthesize`.

        Raises DataError for a text that the recording does not agree with and for words that are
        not in it, or more than once; ConfigError for what the task cannot control; AudioError for a
        recording with too little speech; CheckpointError where the checkpoint has no synthesis that
        infills, or no vocoder.
        """
        task = self._infilling_task()
        drawn: dict[str, Any] = {"steps": steps, "temperature": temperature, "top_p": top_p}
        check_manner(vocoder, rate=rate, seed=seed, **drawn)
        check_controls(task.controls, rate=rate, **drawn)
        made_by = self._made_by(vocoder)
        from joint.synthesis.decoders.base import Sampling
        from joint.synthesis.finishing.windows import vocoded
        from joint.synthesis.level import levelled, speech_rms
        from joint.synthesis.mel import HOP
        from joint.synthesis.speaking import SpeakingOptions
        from joint.text.reading import phone_indices, read_aloud

        phones = [phone for sentence in read_aloud(new) for phone in sentence.phones][1:-1]
        inventory = self.metadata.get("phones", ())
        replacing = phone_indices(phones, inventory, str(self.path)).to(self.device)
        looked_at = self.inspect(recording, "recording")
        refuse_enrolment(looked_at, SYNTHESIS_SPEECH)
        waveform = looked_at.waveform
        aligned = aligned_text(waveform, text, inventory, looked_at.where, str(self.path))
        place = place_of_words(aligned, old)
        behind = int(aligned.phones.durations[0, : place[1]].sum()) * HOP
        sound = torch.from_numpy(waveform).to(self.device)
        usual = levelled(sound[None])
        sampling = Sampling(steps=steps, seed=seed, temperature=temperature, top_p=top_p)
        options = SpeakingOptions(rate, sampling=sampling)
        with torch.inference_mode():
            encoding = self._encoding("synthesis", Enrollment.of(sound))
            with autocast_for(self.precision, self.device):
                timed = aligned.phones.to(self.device)
                found = task.exchange(encoding, usual[0], timed, place, replacing, options)
            made = found.speech.float()
            made = vocoded(made_by, made) if made_by else made
            made = made * (speech_rms(sound[None]) / speech_rms(usual))
        start, end = found.start * HOP, found.end * HOP
        return Edited(spliced(waveform, made.cpu().numpy(), start, behind, end), start, end)

    def _infilling_task(self) -> "InfillingTask":
        from joint.synthesis.speaking import InfillingTask

        task = self._task("synthesis")
        if not isinstance(task, InfillingTask):
            found = f"a synthesis that does not infill, {type(task).__name__}"
            expected = "one of recipes/synthesis/voicebox.yaml or recipes/codec/unicats.yaml"
            raise CheckpointError(self.path, found, expected)
        return task


def place_of_words(aligned: AlignedText, old: str) -> tuple[int, int]:
    """The first phone of the words `old` and the one behind their last one. Raises DataError unless
    they are in the text once."""
    from joint.text.pronunciation import words_of

    sought, words = words_of(old), aligned.words
    count = len(sought)
    places = [i for i in range(len(words) - count + 1) if words[i : i + count] == sought]
    if len(places) != 1 or not sought:
        found = f"{old!r} {len(places)} times" if sought else "no words"
        raise DataError("words to exchange", found, f"words that are once in {' '.join(words)!r}")
    return aligned.spans[places[0]][0], aligned.spans[places[0] + count - 1][1]


def spliced(
    recording: np.ndarray, made: np.ndarray, start: Samples, behind: Samples, end: Samples
) -> np.ndarray:
    """`recording (S,)` with `made[start:end]` in the place of `recording[start:behind]`, faded into
    each other around both borders."""
    result = np.concatenate([recording[:start], made[start:end], recording[behind:]])
    half = min(FADE // 2, start, end - start, len(made) - end, len(recording) - behind)
    if half > 0:
        rise = np.sin(0.25 * np.pi * (1.0 + (np.arange(-half, half) + 0.5) / half)) ** 2
        for place, other in ((start, start), (end, behind)):
            here = slice(place - half, place + half)
            there = recording[other - half : other + half]
            share = rise if place == start else 1.0 - rise
            result[here] = share * made[here] + (1.0 - share) * there
    return result.astype(np.float32)
