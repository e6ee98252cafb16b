"""Sources of waveforms: the audio files, or one packed local file of 16-bit samples."""

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from joint.data.corpus import Corpus
from joint.errors import AudioError, DataError
from joint.files import atomic_path, atomic_write
from joint.units import SAMPLE_RATE, Samples

logger = logging.getLogger(__name__)


class WaveformStore(Protocol):
    """Reads stretches of utterances at a speed."""

    def read(self, utterance: int, speed: float, start: Samples, length: Samples) -> np.ndarray:
        """float32 `(length,)`; `start` and `length` are Samples after the speed change.

        Raises AudioError for a recording that cannot be read, DataError for a shard.
        """


def at_speed(waveform: np.ndarray, speed: float, length: Samples) -> np.ndarray:
    """`waveform` played `speed` times as fast, pitch and tempo together: exactly `length` long."""
    if speed != 1.0:
        waveform = soxr.resample(waveform, round(SAMPLE_RATE * speed), SAMPLE_RATE)
    if len(waveform) < length:
        waveform = np.pad(waveform, (0, length - len(waveform)))
    return waveform[:length]


class FileStore:
    """Decodes the file at every read: needs neither disk space nor preparation."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def read(self, utterance: int, speed: float, start: Samples, length: Samples) -> np.ndarray:
        """See `WaveformStore`."""
        entry = self.corpus.utterances[utterance]
        waveform = at_speed(entry.waveform(), speed, entry.length(speed))
        return waveform[start : start + length]


class PackedStore:
    """Every utterance at every speed in one memory-mapped file, decoded once.

    Recordings that cannot be decoded are logged and listed in a JSON file beside it; `unreadable`
    has their AudioErrors by their indices, which reading them raises. The name holds a digest of
    what was packed, so that a changed corpus is packed anew. A worker maps the file when it first
    reads, and the operating system shares the pages.
    """

    def __init__(self, corpus: Corpus, speeds: Sequence[float], folder: str | Path) -> None:
        self.speeds = tuple(sorted(set(speeds)))
        described = [(u.id, u.path, u.samples) for u in corpus.utterances]
        digest = hashlib.sha256(repr((described, self.speeds)).encode()).hexdigest()[:16]
        self.path = Path(folder) / f"{digest}.int16"
        lengths = np.array([[u.length(s) for s in self.speeds] for u in corpus.utterances])
        self.lengths = lengths
        self.starts = np.concatenate([[0], np.cumsum(lengths.ravel())])
        self._samples: np.ndarray | None = None
        self._listed = self.path.with_suffix(".skipped.json")
        if not (self.path.is_file() and self.path.stat().st_size == 2 * self.starts[-1]):
            self._pack(corpus)
        listed = {}
        if self._listed.is_file():
            listed = json.loads(self._listed.read_text(encoding="utf-8"))
        self.unreadable = {
            i: AudioError(*listed[u.id]) for i, u in enumerate(corpus.utterances) if u.id in listed
        }

    def _pack(self, corpus: Corpus) -> None:
        from rich.progress import track

        described = f"packing {len(corpus)} recordings"
        skipped: dict[str, tuple[str, str, str]] = {}
        with atomic_path(self.path) as unfinished, unfinished.open("wb") as file:
            for entry in track(corpus.utterances, description=described):
                try:
                    waveform = entry.waveform()
                except AudioError as error:
                    logger.warning("skipped %s: %s", entry.id, error)
                    skipped[entry.id] = (error.where, error.found, error.expected)
                    file.write(bytes(2 * sum(entry.length(speed) for speed in self.speeds)))
                    continue
                for speed in self.speeds:
                    changed = at_speed(waveform, speed, entry.length(speed))
                    scaled = np.clip(np.round(changed * 32768.0), -32768, 32767)
                    file.write(scaled.astype("<i2").tobytes())
            if len(skipped) == len(corpus):
                where, found, _ = skipped[corpus.utterances[-1].id]
                raise DataError(corpus.where, f"no readable recording ({where}: {found})", "some")
            self._listed.unlink(missing_ok=True)
            if skipped:
                atomic_write(self._listed, json.dumps(skipped, indent=1) + "\n")

    def read(self, utterance: int, speed: float, start: Samples, length: Samples) -> np.ndarray:
        """See `WaveformStore`. Raises AudioError for a recording that could not be decoded, and
        ValueError for a speed that was not packed."""
        if utterance in self.unreadable:
            raise self.unreadable[utterance]
        if self._samples is None:
            self._samples = np.memmap(self.path, dtype="<i2", mode="r")
        column = utterance * len(self.speeds) + self.speeds.index(speed)
        first = self.starts[column] + start
        stop = min(first + length, self.starts[column + 1])
        return self._samples[first:stop].astype(np.float32) / 32768.0

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_samples": None}


class JoinedStore:
    """Reads the utterances of corpora that lie one behind the other, each from its own store.

    So the packed file of a corpus serves every training that has it among its corpora.
    """

    def __init__(self, stores: Sequence[PackedStore], starts: Sequence[int]) -> None:
        self.stores, self.starts = tuple(stores), np.array(starts)
        self.unreadable = {
            int(start) + i: error
            for store, start in zip(stores, starts, strict=True)
            for i, error in store.unreadable.items()
        }

    def read(self, utterance: int, speed: float, start: Samples, length: Samples) -> np.ndarray:
        """See `WaveformStore`."""
        place = int(np.searchsorted(self.starts, utterance, side="right")) - 1
        own = utterance - int(self.starts[place])
        return self.stores[place].read(own, speed, start, length)
