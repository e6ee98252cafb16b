"""Whether the enrolled speaker is in a mixture: the measures, the fit, and what metadata hold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from joint.data.corpus import Corpus, Utterance
from joint.data.opening import open_corpus
from joint.errors import CheckpointError, DataError
from tasks.extraction.absence import measured_presence
from tasks.extraction.mixtures import MixtureList
from tasks.extraction.presence import Presence, measures

SECOND = 16_000


def by_sign(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """Two speakers: one with positive samples, one with negative ones."""
    return np.array([[max(w.mean(), 0), max(-w.mean(), 0)] for w in waveforms])


def test_measures_of_one_who_talks_alone_for_a_while() -> None:
    mixture = np.concatenate([np.full(2 * SECOND, 0.1), np.full(2 * SECOND, -0.2)])
    positive, negative = np.eye(2)
    output = np.where(mixture > 0, mixture, 0) / 2
    same, window, level = measures(by_sign, mixture, positive, output)
    assert (same, window) == (1, 1)
    assert level == pytest.approx(10 * np.log10(0.05**2 / (0.1**2 + 0.2**2)))
    assert measures(by_sign, mixture, negative, output)[0] == 0


def test_measures_of_a_silent_output_and_of_silence_in_a_mixture() -> None:
    mixture = np.concatenate([np.zeros(8 * SECOND), np.full(SECOND, 0.1)])
    found = measures(by_sign, mixture, np.array([0.0, 1.0]), np.zeros_like(mixture))
    assert found[2] == pytest.approx(-80) and np.isfinite(found).all()


def test_the_threshold_misses_the_share_that_is_asked_for() -> None:
    draw = np.random.default_rng(0)
    present = np.arange(1000) < 500
    measured = draw.normal(size=(1000, 3)) + 2.0 * present[:, None]
    for missed in (0.02, 0.2):
        fitted = Presence.fit(measured, present, missed)
        scores = np.array([fitted(row) for row in measured])
        assert (scores[present] < fitted.threshold).mean() == pytest.approx(missed, abs=0.005)
        assert (scores[~present] < fitted.threshold).mean() > 0.8
    # A log-likelihood ratio: at 0 both are equally likely.
    near = np.abs(scores) < 0.5
    assert present[near].mean() == pytest.approx(0.5, abs=0.2)
    with pytest.raises(DataError, match="one class"):
        Presence.fit(measured, np.ones(1000, bool))


def test_among_many_the_threshold_makes_the_fewest_errors() -> None:
    """Scores of present people N(2, 2²), of absent ones N(-2, 2²): log-likelihood ratios."""
    decision = Presence(0.0, (1.0, 0.0, 0.0), 0.0)
    assert decision.among(1) == decision
    for absent in (2, 11, 300):
        least = decision.among(absent).threshold
        grid = least + np.array([-0.5, 0.0, 0.5])
        errors = norm.cdf(grid, 2, 2) + absent * norm.sf(grid, -2, 2)
        assert errors.argmin() == 1


@pytest.mark.parametrize(
    "stored",
    [3, {"offset": 0.0}, {"offset": 0.0, "gains": [1.0], "threshold": 0.0}, {"gains": "abc"}],
)
def test_metadata_that_are_refused(stored: Any) -> None:
    with pytest.raises(CheckpointError, match=r"c: found presence .*; expected offset, 3 gains"):
        Presence.of(stored, "c")


def test_metadata() -> None:
    stored = {"offset": 1.0, "gains": [1, 2, 3], "threshold": -1.0}
    assert Presence.of(stored) == Presence(1.0, (1.0, 2.0, 3.0), -1.0)
    assert Presence.of(None) is None


@pytest.fixture
def listed(prepared: Path) -> tuple[Corpus, MixtureList]:
    """The mixtures of the embedded corpus: 12 speakers."""
    mixtures = MixtureList.load(prepared / "test" / "mix2_extraction.csv")
    return open_corpus(prepared / "test"), mixtures


def test_it_is_measured_by_swapping_enrolments(listed: tuple[Corpus, MixtureList]) -> None:
    """An extractor that gives back the mixture, and an encoder that knows who is in it."""
    corpus, mixtures = listed
    people = {s: i for i, s in enumerate(corpus.speakers)}
    known: dict[bytes, np.ndarray] = {}
    for u in corpus.utterances:
        known[u.waveform()[:200].tobytes()] = np.eye(len(people))[people[u.speaker]]
    mixed = np.ones(len(people)) / len(people)

    def embed(waveforms: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([known.get(w[:200].tobytes(), mixed) for w in waveforms])

    def extract(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        # The first samples say who it is: of the enrolment if that speaker is in the mixture.
        row = current[0]
        asked = known[enrollment[:200].tobytes()]
        present = asked[people[corpus.by_id[row.target].speaker]] == 1
        return np.concatenate([enrollment[:200], mixture[200:]]) if present else mixture

    current = [mixtures.rows[0]]
    rows = iter([row for row in mixtures.rows for _ in range(2)])

    def in_order(mixture: np.ndarray, enrollment: np.ndarray) -> np.ndarray:
        current[0] = next(rows)
        return extract(mixture, enrollment)

    decision, figures = measured_presence(in_order, embed, corpus, mixtures)
    assert figures["presence_eer_percent"] == 0
    assert figures["present_warned_percent"] <= 5 and figures["absent_warned_percent"] == 100
    assert figures["presence_mixtures"] == len(mixtures)
    assert decision.gains[0] > 0


def test_no_third_speaker(listed: tuple[Corpus, MixtureList]) -> None:
    corpus, mixtures = listed
    row = mixtures.rows[0]
    pair = {corpus.by_id[name].speaker for name in (row.target, row.interferer)}
    two: list[Utterance] = [u for u in corpus.utterances if u.speaker in pair]
    one = MixtureList(mixtures.path, (row,))
    with pytest.raises(DataError, match="no third speaker"):
        measured_presence(lambda m, e: m, by_sign, Corpus(two, corpus.where), one)
