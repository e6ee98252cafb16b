"""Forced alignment with pocketsphinx and the English model in its wheel."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from joint.text.pronunciation import ARPABET, Pronunciation
from joint.units import SAMPLE_RATE, Samples, Seconds

HOP: Samples = 160
FIRST_BOUNDARY: Samples = 205 - HOP // 2
"""The model's frame f is centred on Sample 205 + 160 f; boundaries lie halfway between centres."""
BEAMS = (1e-100, 1e-200)
"""A read text is one path: wide beams cost little, and a learner's speech needs them."""
LOWEST_SCORE = -36.0
"""Mean score of a spoken frame (0: the best state of all at every frame) under which audio and text
count as not the same: 2 % of speechocean762's recordings, and 84 % of them with another's words."""


@dataclass(frozen=True)
class Interval:
    """A word or a phone with its time."""

    symbol: str
    start: Seconds
    duration: Seconds
    score: float


@dataclass(frozen=True)
class Alignment:
    """The words of a recording and their phones in order of time, without the silences; `score` is
    the mean of a spoken frame, in the model's log units."""

    words: list[Interval]
    phones: list[Interval]
    score: float


class UnalignableError(Exception):
    """A recording cannot be aligned; the message is the reason."""


class SphinxAligner:
    """Aligns recordings with their words; each word needs a pronunciation.

    The result for a recording does not depend on the recordings before it.
    """

    def __init__(
        self,
        pronunciations: Mapping[str, Sequence[Pronunciation]],
        lowest_score: float = LOWEST_SCORE,
    ) -> None:
        self.known, self.lowest_score = frozenset(pronunciations), lowest_score
        lines = [
            f"{word}{f'({n + 1})' if n else ''} {' '.join(phones)}\n"
            for word, variants in pronunciations.items()
            for n, phones in enumerate(variants)
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.dict"
            path.write_text("".join(lines), encoding="utf-8")
            self.decoders = [self._decoder(path, beam) for beam in BEAMS]

    @staticmethod
    def _decoder(dictionary: Path, beam: float) -> Any:
        from pocketsphinx import Decoder

        return Decoder(
            lm=None,
            dict=str(dictionary),
            beam=beam,
            pbeam=beam,
            wbeam=beam,
            bestpath=False,
            cmn="batch",
            loglevel="FATAL",
        )

    def align(self, waveform: np.ndarray, words: Sequence[str]) -> Alignment:
        """`waveform (S,)` in [-1, 1] at 16 kHz. Raises UnalignableError."""
        if not words:
            raise UnalignableError("no words")
        if unknown := [word for word in words if word not in self.known]:
            raise UnalignableError(f"no pronunciation of {unknown[0]!r}")
        if np.max(np.abs(waveform)) < 1e-4:
            raise UnalignableError("silence")
        # a step of noise: runs of zeros have no spectrum
        noise = np.random.default_rng(0).integers(-1, 2, len(waveform))
        samples = np.clip(np.rint(waveform * 32767.0) + noise, -32768, 32767)
        content = samples.astype("<i2").tobytes()
        for decoder in self.decoders:
            found = _aligned(decoder, content, " ".join(words))
            if found is not None:
                break
        else:
            raise UnalignableError("audio and words that do not agree (no path)")
        if found.score < self.lowest_score:
            raise UnalignableError(f"audio and words that do not agree (score {found.score:.1f})")
        return found


def _aligned(decoder: Any, content: bytes, text: str) -> Alignment | None:
    """Two passes: where the words are, then their phones; None where no path is left."""
    try:
        decoder.set_align_text(text)
        _decode(decoder, content)
        decoder.set_alignment()
        _decode(decoder, content)
        alignment = decoder.get_alignment()
    except RuntimeError:
        # so that the decoder accepts the next recording
        _end_utterance(decoder)
        return None
    # what lies between words may also be a noise or a breath, such as +NSN+
    words = [word for word in alignment.words() if not word.name.startswith(("<", "[", "+"))]
    phones = [phone for phone in alignment.phones() if phone.name in ARPABET]
    frames = sum(phone.duration for phone in phones)
    if not words or not frames:
        return None
    score = sum(phone.score for phone in phones) / frames
    return Alignment([_interval(w) for w in words], [_interval(p) for p in phones], score)


def _decode(decoder: Any, content: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(content, full_utt=True)
    decoder.end_utt()


def _end_utterance(decoder: Any) -> None:
    try:
        decoder.end_utt()
    except RuntimeError:
        return


def _interval(entry: Any) -> Interval:
    start = (entry.start * HOP + FIRST_BOUNDARY) / SAMPLE_RATE if entry.start else 0.0
    end = ((entry.start + entry.duration) * HOP + FIRST_BOUNDARY) / SAMPLE_RATE
    symbol = entry.name.partition("(")[0]
    return Interval(symbol, start, end - start, entry.score / entry.duration)
