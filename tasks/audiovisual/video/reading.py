"""Pictures of a video with their times, and its sound."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from joint.data.prepare.trials import read_rows
from joint.errors import AudioError, ConfigError, DataError
from joint.units import SAMPLE_RATE, Seconds
from tasks.audiovisual.faces.reading import EXTRA, read_picture

if TYPE_CHECKING:
    from av.container import InputContainer

TIMES = "frames.tsv"
EXPECTED = f"a video, or a folder of pictures with {TIMES}"


class Frame(NamedTuple):
    """A picture `(H, W, 3)` uint8, red, green, blue, and its time from the start."""

    time: Seconds
    picture: np.ndarray


class Video(ABC):
    """A video at `path`, whose first picture could be read."""

    path: Path

    @abstractmethod
    def frames(self, rate: float) -> Iterator[Frame]:
        """Pictures in order, `rate` of them a second at most. Raises DataError for one that cannot
        be decoded."""

    @abstractmethod
    def sound(self) -> np.ndarray:
        """The sound `(S,)` float32 at 16 kHz, mixed down. Raises AudioError where there is none."""


def open_video(path: str | Path) -> Video:
    """A video file, of any format that FFmpeg decodes, or a folder of pictures with `frames.tsv`,
    whose lines are `SECONDS FILE`.

    Raises DataError for anything else, ConfigError where PyAV is not installed.
    """
    path = Path(path)
    video = FrameFolder(path) if path.is_dir() else VideoFile(path)
    next(video.frames(1.0))  # faults show before any work
    return video


class VideoFile(Video):
    """Decoded by PyAV (FFmpeg). Raises DataError for a file without pictures."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as container:
            if not container.streams.video:
                raise DataError(path, "no pictures", EXPECTED)

    def frames(self, rate: float) -> Iterator[Frame]:
        """See Video; upright as the video's rotation says."""
        with self._opened() as container:
            start, due, decoded = (container.start_time or 0) / 1e6, 0.0, False
            container.streams.video[0].thread_type = "AUTO"
            for frame in container.decode(video=0):
                time = max(0.0, (frame.time or 0.0) - start)
                decoded = True
                if time + 1e-6 >= due:
                    picture = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                    yield Frame(time, np.ascontiguousarray(picture))
                    due = (np.floor(time * rate + 1e-6) + 1) / rate
            if not decoded:
                raise DataError(self.path, "no picture that can be decoded", EXPECTED)

    def sound(self) -> np.ndarray:
        """See Video."""
        import av

        with self._opened() as container:
            if not container.streams.audio:
                raise AudioError(self.path, "a video without sound", "one with sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
            parts = [np.zeros(0, dtype=np.float32)]
            for frame in (*container.decode(audio=0), None):
                parts += [made.to_ndarray()[0] for made in resampler.resample(frame)]
            return np.concatenate(parts)

    @contextmanager
    def _opened(self) -> "Iterator[InputContainer]":
        try:
            import av
        except ImportError:
            raise ConfigError("videos", "no package av", EXTRA) from None
        try:
            with av.open(str(self.path)) as container:
                yield container
        except (av.FFmpegError, ValueError) as error:  # its errors are OSErrors or ValueErrors
            reason = getattr(error, "strerror", None) or "no readable video"
            raise DataError(self.path, reason, EXPECTED) from None


class FrameFolder(Video):
    """Pictures listed in `frames.tsv`. Raises DataError for a missing or faulty list."""

    def __init__(self, path: Path) -> None:
        self.path, self._listed = path, list[tuple[Seconds, Path]]()
        for where, (text, file) in read_rows(path / TIMES, 2):
            try:
                time = float(text)
            except ValueError:
                time = -1.0
            before = self._listed[-1][0] if self._listed else 0.0
            if not before <= time < np.inf:
                raise DataError(where, f"time {text}", "seconds, one after the other")
            if not (path / file).is_file():
                raise DataError(where, f"no file {file}", "a picture in the folder")
            self._listed.append((time, path / file))
        if not self._listed:
            raise DataError(path / TIMES, "no line", "SECONDS FILE of each picture")

    def frames(self, rate: float) -> Iterator[Frame]:
        """See Video."""
        due = 0.0
        for time, file in self._listed:
            if time + 1e-6 >= due:
                yield Frame(time, read_picture(file))
                due = (np.floor(time * rate + 1e-6) + 1) / rate

    def sound(self) -> np.ndarray:
        """See Video."""
        raise AudioError(self.path, "a folder of pictures", "a recording of its sound")
