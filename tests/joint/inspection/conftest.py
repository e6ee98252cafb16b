"""Real speech to look at, as recorded and as users' recordings come."""

from pathlib import Path

import numpy as np
import pytest

from joint.audio import read_audio


@pytest.fixture(scope="session")
def sentences(embedded_corpus: Path) -> list[np.ndarray]:
    """A recording of each of ten speakers, float32 at 16 kHz, all of them full-band."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:10]
    return [read_audio(sorted(folder.iterdir())[1]) for folder in folders]
