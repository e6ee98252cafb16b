"""The more people are looked for in one mixture, the higher a score must be to count as present."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from joint.app.results import Recording
from joint.app.shared.extraction import Extracting
from joint.audio import read_audio
from joint.task import Enrollment


class Same(Extracting):
    """All embeddings are one, and an extractor that gives the mixture: everybody scores alike."""

    path, embedding_dim = Path("same.safetensors"), 2

    def __init__(self, score: float) -> None:
        self.metadata = {"presence": {"offset": score, "gains": [0, 0, 0], "threshold": 0.0}}

    def check_extractor(self) -> None:
        pass

    def embed_waveforms(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return np.ones((len(waveforms), 2), np.float32)

    def estimate(self, mixture: Recording, enrollment: Recording | Enrollment) -> np.ndarray:
        return self.inspect(mixture).waveform


def test_one_alone_and_the_same_among_others(embedded_corpus: Path) -> None:
    files = sorted((embedded_corpus / "WAVE").rglob("*.*"))[:4]
    mixture, *others = map(read_audio, files)
    people = {str(number): voice for number, voice in enumerate(others)}
    low, high = Same(0.9), Same(1.2)  # log(3) is 1.1
    assert low.extraction(mixture, others[0]).present
    assert [found.present for _, found in low.extractions(mixture, people)] == [False] * 3
    assert [found.present for _, found in high.extractions(mixture, people)] == [True] * 3
    assert not list(low.extractions(mixture, {}))
