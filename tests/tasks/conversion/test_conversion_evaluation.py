"""Conversion measured with results of known origin."""

from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.data.speech_pairs import CONVERSIONS, SpeechPair, SpeechPairs
from joint.metrics.speech.pitch import praat_pitch
from joint.synthesis.evaluation.instruments import Instruments
from tasks.conversion.evaluate import evaluate_conversion

pytest.importorskip("parselmouth")


def register(waveforms: list[np.ndarray]) -> np.ndarray:
    """The register of a voice as a direction."""
    octaves = [np.log2(p[p > 0]).mean() for p in map(praat_pitch, waveforms)]
    return np.stack([np.cos(octaves), np.sin(octaves)], axis=1)


@pytest.fixture(scope="module")
def corpus(prepared: Path) -> Corpus:
    return open_corpus(prepared / "test")


@pytest.fixture(scope="module")
def rows(prepared: Path) -> tuple[SpeechPair, ...]:
    return SpeechPairs.load(prepared / "test" / CONVERSIONS).rows[:6]


def test_source_and_target(corpus: Corpus, rows: tuple[SpeechPair, ...]) -> None:
    instruments = Instruments({"encoder": register}, pitch=praat_pitch)
    unchanged, _ = evaluate_conversion(
        lambda source, reference: source,
        lambda source: source,
        corpus,
        rows,
        instruments,
        progress=False,
    )
    same = unchanged["by_system"]["converted"]
    assert same["encoder_nearer_to_target_percent"] == 0
    assert same["encoder_similarity_source"] == pytest.approx(1)
    # the source itself is nearer than another recording of its speaker
    assert same["encoder_similarity_source_speaker"] < 1
    assert same["encoder_nearer_to_target_speaker_percent"] <= 50
    assert same["f0_error_cents"] is None is same["f0_gross_error_percent"]
    assert same["f0_correlation"] == pytest.approx(1) and same["mel_error"] is None
    assert unchanged["same_length_percent"] == 100
    assert unchanged["by_system"]["copy synthesis"]["mel_error"] == 0
    natural = unchanged["by_system"]["natural"]
    assert natural["encoder_similarity_target"] == pytest.approx(same["encoder_similarity_target"])

    replaced, found = evaluate_conversion(
        lambda source, reference: reference, None, corpus, rows, instruments, progress=False
    )
    target = replaced["by_system"]["converted"]
    assert target["encoder_nearer_to_target_percent"] == 100
    assert target["encoder_nearer_to_target_speaker_percent"] == 100
    assert target["f0_register_error_semitones"] == 0 < same["f0_register_error_semitones"]
    assert target["f0_correlation"] < 0.6
    assert replaced["same_length_percent"] < 100 and len(found.rows) == 6
    groups = replaced["by_group"]
    assert groups["same gender"]["pairs"] == groups["different gender"]["pairs"] == 3
    assert groups["same gender"]["encoder_nearer_to_target_percent"] == 100
