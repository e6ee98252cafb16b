"""A recording in a shard: a tar file on this disk, or one that is downloaded when first read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from joint.audio import MINIMUM, decode_audio
from joint.data.storage.remote import fetch
from joint.errors import DataError
from joint.units import Seconds


@dataclass(frozen=True, slots=True)
class Shard:
    """A tar file at `path`; with a `url`, `path` is its place in the cache."""

    path: Path
    size: int
    sha256: str
    url: str | None = None

    @property
    def name(self) -> str:
        """The name in messages."""
        return self.url or str(self.path)


@dataclass(frozen=True, slots=True)
class Stored:
    """`size` bytes from `offset` on of a shard: one audio file."""

    shard: Shard
    offset: int
    size: int

    def waveform(self, name: str, minimum: Seconds = MINIMUM) -> np.ndarray:
        """As `read_audio`; `name` is the utterance. Fetches the shard where it is not there.

        Raises DataError for a shard that cannot be had or is cut off, AudioError for the recording.
        """
        shard = self.shard
        if shard.url is not None:
            fetch(shard.url, shard.path, shard.size, shard.sha256)
        try:
            with shard.path.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.size)
        except OSError as error:
            raise DataError(shard.name, error.strerror or str(error), "a shard") from error
        if len(content) < self.size:
            raise DataError(shard.path, "a shard that ends early", f"{shard.size} bytes")
        return decode_audio(content, f"{shard.name}, {name}", minimum)
