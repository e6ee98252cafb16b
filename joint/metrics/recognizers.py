"""Speech recognisers that transcribe extracted or synthesised speech, so that its word errors can
be counted."""

from pathlib import Path
from typing import Final, Protocol

import numpy as np

from joint.errors import JointError
from joint.units import SAMPLE_RATE, Samples


class Recognizer(Protocol):
    """A speech recogniser; your own class needs this one method."""

    def transcribe(self, waveform: np.ndarray) -> str:
        """Transcript of `waveform (S,)`, float32 at 16 kHz."""


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
        """Transcript of `waveform (S,)`, float32 at 16 kHz."""
        # one temperature and no context: a figure must not depend on chance or on other rows
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


WINDOW: Final[Samples] = 30 * SAMPLE_RATE
"""Whisper transcribes a longer recording in windows of 30 s."""


def most_tokens(samples: Samples) -> int:
    """Upper limit of tokens in each window of a recording of `samples` at 16 kHz: 8 a second and 8
    more.

    On overlapping speech Whisper can repeat a sentence without end; one such row would have as many
    errors as twenty others. Whisper takes no limit above 448.
    """
    return 8 + round(8 * min(samples, WINDOW) / SAMPLE_RATE)


KINDS: Final[dict[str, type[FasterWhisper]]] = {"faster-whisper": FasterWhisper}


def load_recognizer(specification: str) -> Recognizer:
    """The recogniser of a specification `KIND:FOLDER`, such as `faster-whisper:models/tiny.en`.

    Raises JointError for an unknown kind, a missing folder or a package that is not installed.
    """
    kind, _, folder = specification.partition(":")
    if kind not in KINDS or not folder:
        expected = " or ".join(f"{name}:FOLDER" for name in KINDS)
        raise JointError("recognizer", repr(specification), expected)
    return KINDS[kind](folder)
