"""Videos from pictures and a recording."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np

from joint.errors import ConfigError
from joint.files import atomic_path
from joint.units import SAMPLE_RATE
from tasks.audiovisual.faces.reading import EXTRA

BITS = 4_000_000
"""A second, of pictures."""


def write_video(
    path: Path, pictures: Iterable[np.ndarray], rate: int, waveform: np.ndarray | None = None
) -> None:
    """Write pictures `(H, W, 3)` uint8, `rate` a second, of even height and width, as MPEG-4, and
    the `waveform (S,)` at 16 kHz as FLAC, atomically; the format is that of the ending, `.mkv`.

    Raises ConfigError where PyAV is not installed, JointError where the file cannot be written.
    """
    try:
        import av
    except ImportError:
        raise ConfigError("videos", "no package av", EXTRA) from None
    pictures = iter(pictures)
    first = next(pictures)
    with atomic_path(path) as temporary, av.open(str(temporary), "w") as container:
        video = container.add_stream("mpeg4", rate=rate)
        video.height, video.width = first.shape[:2]
        video.pix_fmt, video.bit_rate = "yuv420p", BITS
        if waveform is not None:
            audio = container.add_stream("flac", rate=SAMPLE_RATE)
            audio.layout = "mono"
            levels = np.round(np.clip(waveform, -1, 1) * 32767).astype(np.int16)
            sound = av.AudioFrame.from_ndarray(levels[None], format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
        for number, picture in enumerate(chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
