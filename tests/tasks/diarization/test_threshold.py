"""The choice of a clustering threshold on conversations of held-out speakers."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.random import default_rng

from joint.data.corpus import Corpus, Utterance
from tasks.diarization.threshold import GRID, TURNS, choose_threshold, conversation

PITCHES = (200, 400, 800, 1600)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Four speakers, each a tone of their own, four utterances of 2 s."""
    utterances = []
    time = np.arange(32000) / 16_000
    for number, pitch in enumerate(PITCHES):
        for take in range(4):
            path = tmp_path / f"{number}-{take}.wav"
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * pitch * time + take), 16_000)
            utterances.append(Utterance(path.stem, path, str(number), samples=32000))
    return Corpus(utterances, tmp_path)


def cosines_of(between: float) -> object:
    """An encoder by which different speakers have that cosine, and one speaker 1."""

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        power = np.stack([np.abs(np.fft.rfft(w, 16_000)) ** 2 for w in waveforms])
        own = np.stack([power[:, p - 20 : p + 20].sum(axis=1) for p in PITCHES], axis=1)
        hard = np.eye(len(PITCHES))[own.argmax(axis=1)]
        common = np.sqrt(between / (1.0 - between))
        return np.hstack([hard, np.full((len(hard), 1), common)]).astype(np.float32)

    return embed


@pytest.mark.parametrize("between", [0.2, 0.5])
def test_above_the_cosine_of_different_speakers(corpus: Corpus, between: float) -> None:
    threshold, right = choose_threshold(cosines_of(between), [corpus], conversations=8)  # type: ignore[arg-type]
    assert right == 1.0 and between < threshold <= GRID[-1]


def test_an_encoder_that_cannot_tell_finds_one_speaker(corpus: Corpus) -> None:
    _, right = choose_threshold(lambda w: np.ones((len(w), 3), np.float32), [corpus], 8)
    assert right == 0.25, "one in four conversations has one speaker"


def test_conversations_are_whole_utterances_in_turn(corpus: Corpus) -> None:
    waveform, regions = conversation(corpus, 3, default_rng(0))
    assert len(regions) == 3 * TURNS and regions[-1].end == len(waveform)
    pitches = [np.abs(np.fft.rfft(waveform[r.start : r.end])).argmax() // 2 for r in regions]
    assert len(set(pitches)) == 3
    assert sorted(pitches[:3]) == sorted(pitches[3:6])
