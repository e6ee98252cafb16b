"""Synthesis measured with voices of known origin: recordings of the speaker, and of another."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.speech_pairs import SENTENCES, SpeechPair, SpeechPairs
from joint.metrics.speech.pitch import praat_pitch
from joint.synthesis.evaluation.instruments import Instruments
from tasks.synthesis.evaluate import evaluate_synthesis

pytest.importorskip("parselmouth")


class Known:
    """Instruments that know every recording by its samples."""

    def __init__(self, corpus: Corpus, rows: Sequence[SpeechPair]) -> None:
        names = {name for row in rows for name in (row.source, row.reference)}
        self.waveforms = {name: corpus.by_id[name].waveform() for name in names}
        self.by_samples = {w.tobytes(): corpus.by_id[n] for n, w in self.waveforms.items()}
        self.speakers = corpus.speakers

    def embed(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        people = [self.by_samples[w.tobytes()].speaker for w in waveforms]
        return np.eye(len(self.speakers))[[self.speakers.index(p) for p in people]]

    def recognise(self, waveform: np.ndarray) -> str:
        return self.by_samples[waveform.tobytes()].text.lower()


@pytest.fixture(scope="module")
def corpus(prepared: Path) -> Corpus:
    return open_corpus(prepared / "test")


@pytest.fixture(scope="module")
def rows(prepared: Path) -> tuple[SpeechPair, ...]:
    return SpeechPairs.load(prepared / "test" / SENTENCES).rows[:6]


def test_own_voice_and_another(corpus: Corpus, rows: tuple[SpeechPair, ...]) -> None:
    known = Known(corpus, rows)
    instruments = Instruments({"encoder": known.embed}, known.recognise, praat_pitch)
    sources = {row.text: known.waveforms[row.source] for row in rows}
    words, _ = evaluate_synthesis(
        lambda text, reference, words: sources[text],
        lambda source: source,
        corpus,
        rows,
        instruments,
        progress=False,
    )
    perfect = words["by_system"]["synthetic"]
    assert perfect["wer_percent"] == 0 and perfect["encoder_gap_percent"] == 100
    assert perfect["encoder_nearer_to_own_percent"] == 100
    assert words["duration_ratio"] == 1 and words["duration_error_percent"] == 0
    assert words["by_system"]["copy synthesis"]["mel_error"] == 0
    assert perfect["mel_error"] is None  # its timing is its own
    everybody = words["by_group"]
    assert everybody["f"]["sentences"] + everybody["m"]["sentences"] == 6

    pairs = zip(rows, rows[1:] + rows[:1], strict=True)
    following = {row.text: known.waveforms[after.source] for row, after in pairs}
    wrong, found = evaluate_synthesis(
        lambda text, reference, words: following[text],
        None,
        corpus,
        rows,
        instruments,
        progress=False,
    )
    other = wrong["by_system"]["synthetic"]
    assert list(wrong["by_system"]) == ["natural", "synthetic"]
    assert other["encoder_similarity_own"] == 0
    # one of the five other speakers, and no more, is the one who speaks
    assert other["encoder_similarity_other"] == pytest.approx(0.2)
    assert other["encoder_gap_percent"] == pytest.approx(-20)
    assert other["encoder_nearer_to_own_percent"] == 0
    assert other["wer_percent"] > 80 and wrong["duration_error_percent"] > 5
    assert other["f0_register_error_semitones"] > perfect["f0_register_error_semitones"]
    assert len(found.rows) == 6


def test_the_reference_enrols(corpus: Corpus, rows: tuple[SpeechPair, ...]) -> None:
    known = Known(corpus, rows)
    instruments = Instruments({"encoder": known.embed})
    figures, _ = evaluate_synthesis(
        lambda text, reference, words: reference, None, corpus, rows, instruments, progress=False
    )
    found = figures["by_system"]["synthetic"]
    assert found["encoder_similarity_own"] == found["encoder_similarity_source"] == 1
    assert found["f0_register_error_semitones"] is None is found["wer_percent"]
