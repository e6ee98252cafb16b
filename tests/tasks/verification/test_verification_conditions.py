"""Verification under conditions: what is treated, at which threshold errors are counted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from joint.data.corpus import Corpus
from joint.data.opening import open_corpus
from joint.metrics.detection import error_rates
from tasks.verification.conditions import (
    CONDITIONS,
    RECORDED,
    balanced_threshold,
    condition_scores,
    errors,
    evaluate_conditions,
)
from tasks.verification.trials import Trials


@pytest.fixture(scope="module")
def tested(embedded_corpus: Path) -> Corpus:
    return open_corpus(embedded_corpus / "test")


@pytest.fixture(scope="module")
def trials(embedded_corpus: Path) -> Trials:
    return Trials.load(embedded_corpus / "test" / "trials")


def spectrum(waveforms: Sequence[np.ndarray]) -> np.ndarray:
    """The long-term spectrum in 32 bands: it knows speakers and microphones."""
    rows = []
    for waveform in waveforms:
        power = np.square(np.abs(np.fft.rfft(waveform)))
        bands = np.array_split(power, 32)
        row = np.log(np.array([band.mean() for band in bands]) + 1e-9)
        rows.append(row - row.mean())
    return np.stack(rows)


@pytest.mark.parametrize("name", [name for name in CONDITIONS if name != RECORDED])
def test_each_condition_is_what_it_says_in_every_run(name: str, tested: Corpus) -> None:
    waveform = tested.utterances[0].waveform()
    first, again, other = (
        CONDITIONS[name](waveform, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(other) >= len(waveform) and np.isfinite(first).all()
    assert len(first) != len(waveform) or not np.allclose(first, waveform, atol=1e-6)


def test_one_side_and_both(tested: Corpus, trials: Trials) -> None:
    names = (RECORDED, "8 kHz")
    chosen = {name: CONDITIONS[name] for name in names}
    labels, found = condition_scores(spectrum, tested, trials, chosen, utterances=60)
    recorded, narrow = found
    np.testing.assert_array_equal(recorded.one_side, recorded.both_sides)
    assert recorded.one_side.shape == labels.shape and 0 < labels.sum() < len(labels)
    targets = [scores[labels].mean() for scores in (recorded.one_side, narrow.one_side)]
    assert targets[1] < targets[0] - 0.05, "half the bands of one side are empty"
    strangers = narrow.both_sides[~labels].mean()
    assert strangers > recorded.one_side[~labels].mean() + 0.05, "and then of both alike"


def test_figures_at_the_threshold_of_a_user(tested: Corpus, trials: Trials) -> None:
    names = (RECORDED, "telephone")
    low, chosen = (
        dict(evaluate_conditions(spectrum, tested, trials, threshold, names, utterances=60))
        for threshold in (-1.0, None)
    )
    for figures in low.values():
        assert figures["one_side_miss_percent"] == figures["both_sides_miss_percent"] == 0
        assert figures["both_sides_false_alarm_percent"] == 100
    clean = chosen[RECORDED]
    assert abs(clean["one_side_miss_percent"] - clean["one_side_eer_percent"]) < 3
    assert chosen["telephone"]["one_side_miss_percent"] > 50


def test_errors_are_counted_from_the_threshold_on() -> None:
    scores, labels = np.array([0.1, 0.5, 0.5, 0.9]), np.array([True, True, False, False])
    found = errors(scores, labels, 0.5)
    assert (found["miss_percent"], found["false_alarm_percent"]) == (50, 100)
    assert found["eer_percent"] == error_rates(scores, labels).eer().percent


def test_the_balanced_threshold_weighs_sets_alike() -> None:
    rng = np.random.default_rng(0)
    few, many = (np.arange(count) < count // 2 for count in (200, 20000))
    sets = [(np.where(few, 0.8, 0.2) + 0.1 * rng.standard_normal(200), few)]
    sets.append((np.where(many, 0.6, 0.0) + 0.1 * rng.standard_normal(20000), many))
    threshold = balanced_threshold(sets)
    misses = np.mean([(scores[labels] < threshold).mean() for scores, labels in sets])
    alarms = np.mean([(scores[~labels] >= threshold).mean() for scores, labels in sets])
    assert abs(misses - alarms) < 0.005 and 0.3 < threshold < 0.5
