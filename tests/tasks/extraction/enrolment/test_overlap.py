"""Voices at once in an enrolment: the measures, the fit, what it is fitted on, and metadata."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, DataError
from tasks.extraction.enrolment.held_out import LEVELS, SHARES, Example, examples, measured_overlap
from tasks.extraction.enrolment.overlap import Overlap, measures


@pytest.fixture(scope="module")
def corpus(prepared: Path) -> Corpus:
    return open_corpus(prepared / "test")


@pytest.fixture(scope="module")
def drawn(corpus: Corpus) -> list[Example]:
    return list(examples(corpus, 40))


def test_measures_of_what_is_kept() -> None:
    recording = np.tile(np.float32([0.1, -0.1]), 8000)
    removed = np.tile(np.float32([0.1, 0.1, -0.1, -0.1]), 4000)  # orthogonal to the recording

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        assert mixture is recording and enrollment is recording
        return 3 * (recording + removed / 10)

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        assert len(waveforms) == 1 and waveforms[0] is recording
        return np.array([[3.0, -4.0]])

    assert measures(extract, embed, recording) == pytest.approx([20.0, 5.0], abs=1e-3)


def test_the_threshold_takes_few_voices_for_two() -> None:
    draw = np.random.default_rng(0)
    several = np.arange(1400) < 700
    measured = draw.normal(size=(1400, 2)) - 2.0 * several[:, None]
    for alarms in (0.01, 0.1):
        fitted = Overlap.fit(measured, several, alarms)
        scores = np.array([fitted(row) for row in measured])
        assert (scores[~several] >= fitted.threshold).mean() == pytest.approx(alarms, abs=0.003)
        assert (scores[several] >= fitted.threshold).mean() > 0.6
        assert fitted.certain == pytest.approx(scores[~several].max())
    with pytest.raises(DataError, match="one class"):
        Overlap.fit(measured, np.zeros(1400, bool))


def test_few_recordings_make_nothing_certain() -> None:
    draw = np.random.default_rng(0)
    several = np.arange(800) % 2 == 0
    measured = draw.normal(size=(800, 2)) - 2.0 * several[:, None]
    assert Overlap.fit(measured, several).certain is None
    assert Overlap.fit(measured, several, enough=400).certain is not None


@pytest.mark.parametrize(
    "stored",
    [
        3,
        {"offset": 0.0, "gains": [1, 2]},
        {"offset": 0.0, "gains": [1.0], "threshold": 0.0},
        {"offset": 0.0, "gains": [1, 2], "threshold": 0.0, "certain": "high"},
    ],
)
def test_metadata_on_overlap_that_are_refused(stored: Any) -> None:
    with pytest.raises(CheckpointError, match=r"c: found overlap .*; expected offset, 2 gains"):
        Overlap.of(stored, "c")


def test_metadata_on_overlap() -> None:
    stored = {"offset": 1.0, "gains": [1, 2], "threshold": -1.0, "certain": None}
    assert Overlap.of(stored) == Overlap(1.0, (1.0, 2.0), -1.0)
    assert Overlap.of({**stored, "certain": 3}) == Overlap(1.0, (1.0, 2.0), -1.0, 3.0)
    assert Overlap.of(None) is None


def test_one_voice_and_two_at_a_level(drawn: list[Example]) -> None:
    """Where nothing else is done to them, what two have besides the first is the second."""
    pairs = [
        (one, two)
        for one, two in zip(drawn[::2], drawn[1::2], strict=True)
        if one.treatment == "as recorded"
    ]
    assert len(pairs) > 10
    for one, two in pairs:
        assert not one.several and two.several and one.speaker == two.speaker
        count = len(two.waveform)
        first = one.waveform[:count]
        second = two.waveform - first
        middle = count // 2
        silent = [not part.any() for part in (second[: middle - 1], second[middle + 1 :])]
        assert sum(silent) == (0 if two.share == 1 else 1)
        where = slice(None) if two.share == 1 else slice(None, middle)
        if silent[0]:
            where = slice(count - round(count / 2), None)
        power, other = (float(np.square(v[where]).mean()) for v in (first, second))
        assert 10 * np.log10(power / other) == pytest.approx(two.level_db, abs=0.1)
    assert {two.level_db for _, two in pairs} == set(LEVELS)
    assert {two.share for _, two in pairs} == set(SHARES)


def test_surroundings_are_those_of_one_voice_and_of_two(drawn: list[Example]) -> None:
    for several in (False, True):
        own = [one for one in drawn if one.several == several]
        assert {one.treatment for one in own} == {"as recorded", "noise", "room", "short"}
        for one in own:
            assert one.waveform.dtype == np.float32 and np.isfinite(one.waveform).all()
            assert 0 < len(one.waveform) <= (3 if one.treatment == "short" else 8) * 16_000


def test_it_is_measured_on_speakers_left_out(corpus: Corpus) -> None:
    """An extractor that knows of two voices, by the order in which the recordings come."""
    order = iter([one.several for one in examples(corpus, 24)])

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(0).standard_normal(len(mixture))
        return (mixture + (0.1 if next(order) else 0.001) * noise).astype(np.float32)

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return np.ones((len(waveforms), 2))

    decision, figures = measured_overlap(extract, embed, [corpus], count=24)
    assert figures["overlap_recordings"] == 48 and figures["overlap_eer_percent"] == 0
    assert figures["two_voices_warned_percent"] == figures["two_voices_refused_percent"] == 100
    assert figures["one_voice_warned_percent"] <= 15 >= figures["one_voice_refused_percent"]
    assert decision.gains[0] < 0 and decision.certain is None


def test_one_speaker_has_no_other(corpus: Corpus) -> None:
    one = [u for u in corpus.utterances if u.speaker == corpus.utterances[0].speaker]
    with pytest.raises(DataError, match="one speaker; expected at least two"):
        next(examples(Corpus(one, corpus.where), 1))
