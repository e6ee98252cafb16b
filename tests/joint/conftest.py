"""Real speech in the forms that tests of the core want it in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from joint.audio import read_audio
from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.storage.store import PackedStore

SPEEDS = (1.0, 0.9, 1.1)


@pytest.fixture(scope="session")
def corpus(prepared: Path) -> Corpus:
    """Ten speakers of the embedded corpus with four utterances each."""
    whole = open_corpus(prepared / "train")
    chosen = [i for utterances in whole.of_speaker[:10] for i in utterances[:4]]
    return Corpus([whole.utterances[i] for i in chosen], whole.where)


@pytest.fixture(scope="session")
def store(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> PackedStore:
    """Its waveforms at three speeds."""
    return PackedStore(corpus, SPEEDS, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def speech(embedded_corpus: Path) -> list[np.ndarray]:
    """Three recordings of three speakers: 1.2, 0.71 and 0.31 s."""
    folders = sorted((embedded_corpus / "WAVE").iterdir())[:3]
    waveforms = [read_audio(sorted(folder.iterdir())[0]) for folder in folders]
    lengths = (19_200, 11_361, 4_961)
    return [w[8000 : 8000 + n] for w, n in zip(waveforms, lengths, strict=True)]


@pytest.fixture(scope="session")
def padded(speech: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """The same as one batch `(B, S)` with lengths; what lies beyond an end is not silence."""
    lengths = torch.tensor([len(w) for w in speech])
    batch = 0.1 * torch.randn(
        len(speech), int(lengths.max()), generator=torch.Generator().manual_seed(0)
    )
    for row, waveform in zip(batch, speech, strict=True):
        row[: len(waveform)] = torch.from_numpy(waveform)
    return batch, lengths
