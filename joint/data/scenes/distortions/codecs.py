"""Recordings that a lossy codec has been over, by libsndfile's own encoders."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.random import Generator

from joint.data.scenes.distortions.base import Distortion, fitted, refuse_range
from joint.errors import ConfigError
from joint.formats.opening import AudioFile
from joint.units import SAMPLE_RATE, Hertz, Samples

CODECS: dict[str, tuple[str, str, Hertz]] = {
    "mp3": ("MP3", "MPEG_LAYER_III", 16000),
    "opus": ("OGG", "OPUS", 16000),
    "vorbis": ("OGG", "VORBIS", 16000),
    "gsm": ("WAV", "GSM610", 8000),
}
"""libsndfile's names of container and codec, and the sample rate it is fed with."""
MP3_DELAY: Samples = 1105
"""Of encoder and decoder; at low bit rates the file has no header by which it would be taken off.
"""
PEAK = 0.9
"""Codecs clip above 1."""


@dataclass(frozen=True)
class Codec(Distortion):
    """One of `codecs`, encoded and decoded: `mp3`, `opus`, `vorbis` (from good quality to little,
    a `compression` drawn evenly from 0 to 1) or `gsm` (GSM 6.10 full rate, 8 kHz)."""

    codecs: tuple[str, ...] = ("mp3", "mp3", "opus", "gsm")
    compression: tuple[float, float] = (0.3, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_range("compression", self.compression, 0.0, 1.0)
        if unknown := [name for name in self.codecs if name not in CODECS] or not self.codecs:
            raise ConfigError("codecs", str(unknown or "none"), " or ".join(CODECS))

    def __call__(self, waveform: np.ndarray, rng: Generator) -> np.ndarray:
        """See Distortion."""
        name = self.codecs[int(rng.integers(len(self.codecs)))]
        return coded(waveform, name, float(rng.uniform(*self.compression)))


def coded(waveform: np.ndarray, name: str, compression: float = 0.5) -> np.ndarray:
    """`waveform (S,)` encoded and decoded by one of CODECS, at the level that it had."""
    container, codec, rate = CODECS[name]
    scale = PEAK / max(float(np.abs(waveform).max(initial=0.0)), 1e-9)
    sent = waveform * scale
    if rate != SAMPLE_RATE:
        sent = soxr.resample(sent, SAMPLE_RATE, rate)
    options: dict[str, Any] = {} if name == "gsm" else {"compression_level": min(compression, 0.99)}
    if name == "mp3":
        options["bitrate_mode"] = "CONSTANT"
    stored = io.BytesIO()
    soundfile.write(stored, sent, rate, format=container, subtype=codec, **options)
    received = decoded(stored.getvalue())
    if name == "mp3" and len(received) > len(sent):
        received = received[MP3_DELAY:]
    if rate != SAMPLE_RATE:
        received = soxr.resample(received, rate, SAMPLE_RATE)
    return fitted(received / scale, len(waveform))


def decoded(content: bytes) -> np.ndarray:
    """All samples of an encoded recording; in blocks, since GSM does not know its length."""
    blocks = []
    with AudioFile(io.BytesIO(content)) as file:
        while len(block := file.read(1 << 16, dtype="float32")):
            blocks.append(block)
    return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
