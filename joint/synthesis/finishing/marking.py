"""Files of synthetic speech say so in their metadata."""

from pathlib import Path

import numpy as np

from joint.audio import write_audio

SYNTHETIC = "Synthetic speech, made by joint-speaker; not a recording of a person."


def write_synthetic(path: str | Path, waveform: np.ndarray) -> None:
    """As `joint.audio.write_audio`, at 16 kHz, with the comment `SYNTHETIC` in the file."""
    write_audio(path, waveform, comment=SYNTHETIC)
