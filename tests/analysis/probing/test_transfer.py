"""Phones that probes find in another corpus than that of their training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_models import tiny_encoder

from analysis.probing.transfer import phone_content
from joint.data.corpus import Corpus, Utterance
from joint.data.phones import PhoneIntervals
from joint.errors import DataError

PITCHES = np.array([0.0, 400.0, 1500.0, 4000.0])


def tones(folder: Path, count: int, seed: int) -> Corpus:
    """Recordings of tones, one for each phone, some phones more often than others."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    utterances = []
    for i in range(count):
        lengths = rng.integers(1600, 4800, 24)
        phones = rng.choice(4, 24, p=rng.dirichlet(np.ones(4)))
        phones[rng.integers(24)] = 1
        time = np.arange(lengths.sum()) / 16_000
        waveform = 0.3 * np.sin(2 * np.pi * np.repeat(PITCHES[phones], lengths) * time)
        path = folder / f"{i:03}.wav"
        soundfile.write(path, waveform + 1e-3 * rng.standard_normal(len(time)), 16_000)
        intervals = PhoneIntervals(phones.astype(np.int16), np.cumsum(lengths))
        person = f"s{i % 10}"
        utterances.append(
            Utterance(path.stem, str(path), person, samples=len(time), phones=intervals)
        )
    return Corpus(utterances, folder, ("SIL", "A", "B", "C"))


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Corpus]:
    folder = tmp_path_factory.mktemp("tones")
    return tones(folder / "train", 60, 0), tones(folder / "test", 60, 1)


def renamed(corpus: Corpus, seed: int) -> Corpus:
    """The same recordings with other phones written to them."""
    rng = np.random.default_rng(seed)
    utterances = []
    for utterance in corpus.utterances:
        assert utterance.phones is not None
        phones = rng.integers(0, 4, len(utterance.phones.phones)).astype(np.int16)
        utterances.append(replace(utterance, phones=replace(utterance.phones, phones=phones)))
    return Corpus(utterances, corpus.where, corpus.phones)


def test_planted_phones_are_found(corpora: tuple[Corpus, Corpus]) -> None:
    found = phone_content(tiny_encoder(), *corpora, "tdnn1", "float32")
    assert found["phone_probe_percent"] > 90
    assert found["embedding_phones_percent"] > 90


def test_phones_that_nobody_says_are_not(corpora: tuple[Corpus, Corpus]) -> None:
    train, test = (renamed(corpus, seed) for seed, corpus in enumerate(corpora))
    found = phone_content(tiny_encoder(), train, test, "tdnn1", "float32")
    assert found["phone_probe_percent"] < 50
    assert 40 < found["embedding_phones_percent"] < 60


def test_what_does_not_fit_is_refused(corpora: tuple[Corpus, Corpus]) -> None:
    train, test = corpora
    other = Corpus(test.utterances, test.where, ("SIL", "A", "B", "D"))
    with pytest.raises(DataError, match="phones"):
        phone_content(tiny_encoder(), train, other, "tdnn1")
    with pytest.raises(DataError, match="tdnn7"):
        phone_content(tiny_encoder(), train, test, "tdnn7")
    silent = Corpus([replace(u, phones=None) for u in test.utterances], "silent", test.phones)
    with pytest.raises(DataError, match="no aligned utterance"):
        phone_content(tiny_encoder(), train, silent, "tdnn1")
    alone = Corpus(test.utterances[:1], "alone", test.phones)
    short = Corpus([replace(u, samples=16_000) for u in alone.utterances], "short", test.phones)
    with pytest.raises(DataError, match="no two chunks of 2 s of one speaker"):
        phone_content(tiny_encoder(), train, short, "tdnn1", "float32")
