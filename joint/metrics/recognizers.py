"""Recognisers that judge extracted speech by its words, behind one small interface."""

import re
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import numpy as np

from joint.errors import JointError
from joint.units import SAMPLE_RATE, Samples

_DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Recognizer(Protocol):
    """Anything that turns speech into words; your own class needs this one method."""

    def transcribe(self, waveform: np.ndarray) -> str:
        """Words of `waveform (S,)` float32 at 16 kHz."""


class WordErrors(NamedTuple):
    """Substitutions, deletions and insertions, over the words of the reference."""

    errors: int
    words: int


class FasterWhisper:
    """A Whisper model in CTranslate2's format from a local folder: int8 on the CPU, greedy.

    Raises JointError where the package faster-whisper is not installed or the folder has no model.
    """

    def __init__(self, folder: Path | str, language: str = "en") -> None:
        folder = Path(folder)
        if not (folder / "model.bin").is_file():
            found = "no model.bin" if folder.is_dir() else "no such folder"
            raise JointError(folder, found, "a folder with a Whisper model for faster-whisper")
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            expected = "the extra `recognition` (pip install faster-whisper)"
            raise JointError("faster-whisper", "no such package", expected) from error
        try:
            self.model = WhisperModel(
                str(folder), device="cpu", compute_type="int8", local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise JointError(folder, str(error), "a Whisper model for faster-whisper") from error
        self.language = language

    def transcribe(self, waveform: np.ndarray) -> str:
        """Words of `waveform (S,)` float32 at 16 kHz."""
        # One temperature, no context: a figure must not depend on chance or on the row before.
        segments, _ = self.model.transcribe(
            waveform,
            language=self.language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            max_new_tokens=most_tokens(len(waveform)),
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)


def most_tokens(samples: Samples) -> int:
    """Most tokens that somebody can say in `samples` at 16 kHz.

    On two voices at once Whisper can repeat a sentence without end; one such row would outweigh
    the errors of twenty others.
    """
    return 8 + round(8 * samples / SAMPLE_RATE)


KINDS: Final[dict[str, type[FasterWhisper]]] = {"faster-whisper": FasterWhisper}


def load_recognizer(specification: str) -> Recognizer:
    """The recogniser that `KIND:FOLDER` names, such as `faster-whisper:models/tiny.en`.

    Raises JointError for an unknown kind, a missing folder or a package that is not installed.
    """
    kind, _, folder = specification.partition(":")
    if kind not in KINDS or not folder:
        expected = " or ".join(f"{name}:FOLDER" for name in KINDS)
        raise JointError("recognizer", repr(specification), expected)
    return KINDS[kind](folder)


def normalize_text(text: str) -> str:
    """Words to compare: lower case, each digit its word, only a–z and the apostrophe kept."""
    text = text.lower().replace("’", "'")
    text = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", text, flags=re.ASCII)
    return " ".join(re.sub(r"[^a-z']+", " ", text).split())


def word_errors(reference: str, hypothesis: str) -> WordErrors:
    """Word errors after `normalize_text`; an empty reference counts insertions over no words.

    Raises JointError where the package jiwer is not installed.
    """
    try:
        import jiwer
    except ImportError as error:
        expected = "the extra `recognition` (pip install jiwer)"
        raise JointError("word error rate", "no package jiwer", expected) from error
    spoken, heard = normalize_text(reference), normalize_text(hypothesis)
    if not spoken:
        return WordErrors(len(heard.split()), 0)
    result = jiwer.process_words(spoken, heard)
    errors = result.substitutions + result.deletions + result.insertions
    return WordErrors(errors, len(spoken.split()))
