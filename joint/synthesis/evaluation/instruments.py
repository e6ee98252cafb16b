"""What synthetic speech is measured with, and the measures of one waveform."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from joint.audio import MINIMUM
from joint.directions import unit
from joint.metrics.perceptual import Perceptual, perceptual
from joint.metrics.speech.dnsmos import DnsmosScores
from joint.metrics.speech.mel import MelError, mel_error
from joint.metrics.speech.pitch import PitchError, pitch_error
from joint.metrics.words import Errors, character_errors, word_errors
from joint.units import SAMPLE_RATE, Seconds

Embed = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Waveforms `(S,)` float32 at 16 kHz to embeddings `(n, E)`."""

Recognise = Callable[[np.ndarray], str]
"""A waveform `(S,)` to its transcript."""

SHARED, JUDGE = "encoder", "judge"
"""The two encoders that similarity is measured with: the checkpoint's own, and one from outside."""


class Compared(Enum):
    """What of a waveform can be compared with the natural recording: nothing where its timing is
    its own, the pitch where timing is the same, the waveform where it is a copy."""

    NOTHING = 0
    PITCH = 1
    WAVEFORM = 2


@dataclass(frozen=True)
class Measured:
    """The measures of one waveform; None for what is not measured.

    `embeddings` are of length one, by the name of the encoder; `pitch (F,)` is in Hertz, 0 where it
    is not voiced. The last three compare it with the natural recording.
    """

    seconds: Seconds
    embeddings: Mapping[str, np.ndarray]
    pitch: np.ndarray | None = None
    transcript: str | None = None
    words: Errors | None = None
    characters: Errors | None = None
    dnsmos: DnsmosScores | None = None
    pitch_error: PitchError | None = None
    mel_error: MelError | None = None
    perceptual: Perceptual | None = None


@dataclass(frozen=True)
class Instruments:
    """What waveforms are measured with; None leaves a measure out.

    `encoders` embed waveforms, by name; `pitch` gives Hertz for each frame of
    `joint.synthesis.mel`, 0 where it is not voiced.
    """

    encoders: Mapping[str, Embed]
    recognise: Recognise | None = None
    pitch: Callable[[np.ndarray], np.ndarray] | None = None
    dnsmos: Callable[[np.ndarray], DnsmosScores] | None = None

    def identity(self, waveform: np.ndarray) -> Measured:
        """Of `waveform (S,)` only what says who speaks: embeddings and pitch."""
        hertz = None if self.pitch is None else self.pitch(waveform)
        return Measured(len(waveform) / SAMPLE_RATE, self._embeddings(waveform), hertz)

    def measure(
        self,
        waveform: np.ndarray,
        text: str = "",
        natural: np.ndarray | None = None,
        compared: Compared = Compared.NOTHING,
    ) -> Measured:
        """All measures of `waveform (S,)`; word errors against `text` unless it is empty, and what
        is `compared` with the `natural` recording `(S',)`."""
        hertz = None if self.pitch is None else self.pitch(waveform)
        transcript = words = characters = None
        if self.recognise is not None and text:
            transcript = self._transcript(waveform)
            words, characters = word_errors(text, transcript), character_errors(text, transcript)
        follows = mel = quality = None
        if natural is not None and compared is not Compared.NOTHING and self.pitch is not None:
            assert hertz is not None
            follows = pitch_error(hertz, self.pitch(natural))
        if natural is not None and compared is Compared.WAVEFORM:
            mel = mel_error(waveform, natural)
            length = min(len(waveform), len(natural))
            quality = perceptual(waveform[:length], natural[:length])
        return Measured(
            len(waveform) / SAMPLE_RATE,
            self._embeddings(waveform),
            hertz,
            transcript,
            words,
            characters,
            None if self.dnsmos is None else self.dnsmos(waveform),
            follows,
            mel,
            quality,
        )

    def _embeddings(self, waveform: np.ndarray) -> dict[str, np.ndarray]:
        """Nothing but NaN for digital silence, in which nobody can be compared."""
        found = {}
        for name, embed in self.encoders.items():
            embedding = unit(embed([_long_enough(waveform)])[0].astype(np.float64))
            found[name] = embedding if waveform.any() else np.full_like(embedding, np.nan)
        return found

    def _transcript(self, waveform: np.ndarray) -> str:
        if not waveform.any():
            return ""
        assert self.recognise is not None
        return self.recognise(_long_enough(waveform))


def _long_enough(waveform: np.ndarray) -> np.ndarray:
    """`waveform` with silence around it where it is shorter than encoders and recognisers take."""
    missing = max(0, round(MINIMUM * SAMPLE_RATE) - len(waveform))
    return np.pad(waveform, (missing // 2, missing - missing // 2))
