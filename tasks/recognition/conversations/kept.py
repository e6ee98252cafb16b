"""Caches of extracted voices, words and transcripts, with the time that each of them took."""

import json
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, TypeVar

import numpy as np

from joint.files import atomic_path, atomic_write
from joint.units import SAMPLE_RATE, Samples, Seconds
from tasks.recognition.conversations.cascades import Extract, Recognise
from tasks.recognition.evaluate import Transcribe

Answer = TypeVar("Answer")


class Clock:
    """A clock for which a cached result takes as long as its first computation did."""

    def __init__(self) -> None:
        self._ahead: Seconds = 0.0

    def now(self) -> Seconds:
        """Seconds since an arbitrary moment."""
        return perf_counter() + self._ahead

    def set(self, now: Seconds) -> None:
        """Set the clock."""
        self._ahead += now - self.now()


def digest(*waveforms: np.ndarray) -> str:
    """A key for waveforms, from their samples."""
    whole = blake2b(digest_size=16)
    for waveform in waveforms:
        whole.update(len(waveform).to_bytes(8, "little") + waveform.tobytes())
    return whole.hexdigest()


class Once(Generic[Answer]):
    """Calls `answer` once for each waveform `(S,)` and keeps the results in memory."""

    def __init__(self, answer: Callable[[np.ndarray], Answer], clock: Clock) -> None:
        self.answer, self.clock = answer, clock
        self._known: dict[str, tuple[Answer, Seconds]] = {}

    def __call__(self, waveform: np.ndarray) -> Answer:
        """The result for this waveform."""
        key, start = digest(waveform), self.clock.now()
        if key not in self._known:
            self._known[key] = self.answer(waveform), self.clock.now() - start
        found, seconds = self._known[key]
        self.clock.set(start + seconds)
        return found


class KeptWords:
    """Calls `recognise` once for each waveform `(S,)` and keeps the words in `path`, a line of JSON
    each; a later run reads those of an earlier one, whole or stopped."""

    def __init__(self, recognise: Recognise, path: Path) -> None:
        self.recognise, self.path = recognise, path
        self._known = {line["key"]: line["words"] for line in _whole_lines(path)}
        _rewrite(path, [{"key": key, "words": words} for key, words in self._known.items()])

    def __call__(self, waveform: np.ndarray) -> list[str]:
        """See Recognise."""
        key = digest(waveform)
        if key not in self._known:
            self._known[key] = words = self.recognise(waveform)
            _append(self.path, {"key": key, "words": words})
        return list(self._known[key])


class KeptVoices:
    """Calls `extract` once for each mixture and enrolment and keeps the voices in `folder`."""

    def __init__(self, extract: Extract, folder: Path, clock: Clock) -> None:
        self.extract, self.folder, self.clock = extract, folder, clock

    def __call__(self, mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        """See Extract."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file, save_file

        path = self.folder / f"{digest(mixture, enrollment)}.safetensors"
        start = self.clock.now()
        try:
            kept = load_file(path)
        except (OSError, SafetensorError):
            voice = np.ascontiguousarray(self.extract(mixture, enrollment), dtype=np.float32)
            kept = {"voice": voice, "seconds": np.array([self.clock.now() - start])}
            with atomic_path(path) as unfinished:
                save_file(kept, unfinished)
        self.clock.set(start + float(kept["seconds"][0]))
        return kept["voice"]


class KeptTranscripts:
    """Transcribes each mixture with its enrolments once and keeps the transcripts in `path`, a line
    of JSON each.

    `seconds` and `samples` are the processing time and the duration of the mixtures so far. Calls
    with enrolments of other than `people` speakers are not counted: they are for a speaker who is
    absent, who is there to measure false words.
    """

    def __init__(self, transcribe: Transcribe, path: Path, clock: Clock, people: int) -> None:
        self.transcribe, self.path, self.clock, self.people = transcribe, path, clock, people
        self.seconds: Seconds = 0.0
        self.samples: Samples = 0
        self._known = {line["key"]: line for line in _whole_lines(path)}
        _rewrite(path, self._known.values())

    def __call__(self, mixture: np.ndarray, voices: Sequence[np.ndarray]) -> list[list[str]]:
        """See Transcribe."""
        key = digest(mixture, *voices)
        start = self.clock.now()
        if key not in self._known:
            found = self.transcribe(mixture, voices)
            line = {"key": key, "found": found, "seconds": self.clock.now() - start}
            _append(self.path, line)
            self._known[key] = line
        kept = self._known[key]
        self.clock.set(start + kept["seconds"])
        if len(voices) in (0, self.people):
            self.seconds += kept["seconds"]
            self.samples += len(mixture)
        return [list(words) for words in kept["found"]]

    @property
    def real_time_factor(self) -> float:
        """Processing time over duration."""
        return self.seconds * SAMPLE_RATE / max(self.samples, 1)


def _written(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _append(path: Path, line: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(_written(line))


def _rewrite(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write `lines` without an incomplete last one, which a killed run leaves."""
    atomic_write(path, "".join(map(_written, lines)))


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:  # a line cut off by a kill
            continue
    return lines
