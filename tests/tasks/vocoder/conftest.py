"""Speech for vocoders."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from joint.audio import read_audio


@pytest.fixture(scope="session")
def recordings(embedded_corpus: Path) -> Tensor:
    """Four speakers, 0.45 s of each, `(4, 7200)`."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:4]
    waveforms = [read_audio(sorted(folder.iterdir())[0]) for folder in folders]
    return torch.stack([torch.from_numpy(w[8_000:15_200]) for w in waveforms])
