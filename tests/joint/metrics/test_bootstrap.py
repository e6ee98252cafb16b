"""The paired bootstrap over speakers and seeds."""

import numpy as np
import pytest

from joint.errors import DataError
from joint.metrics.bootstrap import TrialSpeakers, change_of_eer, drawn_eers, weighted_eer
from joint.metrics.detection import eer


def some_trials(people: int = 20, each: int = 6) -> TrialSpeakers:
    owner = np.repeat(np.arange(people), each)
    first, second = np.triu_indices(len(owner), 1)
    return TrialSpeakers((owner[first] == owner[second]).astype(int), owner[first], owner[second])


def scores_of(trials: TrialSpeakers, gap: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(len(trials.labels)) + gap * trials.labels


@pytest.mark.parametrize("decimals", [0, 1, 9])
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_of_all_trials_is_the_eer(seed: int, decimals: int) -> None:
    trials = some_trials()
    scores = scores_of(trials, 2.0, seed).round(decimals)
    drawn = drawn_eers(scores, trials, draws=1)
    assert drawn[0] == pytest.approx(eer(scores, trials.labels).percent, abs=1e-9)


@pytest.mark.parametrize("decimals", [0, 9])
def test_weights_are_repetitions(decimals: int) -> None:
    trials = some_trials(8)
    scores = scores_of(trials, 1.5, 0).round(decimals)
    times = np.random.default_rng(1).integers(0, 4, (3, len(scores)))
    repeated = [eer(np.repeat(scores, row), np.repeat(trials.labels, row)).percent for row in times]
    assert weighted_eer(scores, trials.labels, [times]) == pytest.approx(repeated, abs=1e-9)


@pytest.mark.parametrize("labels", [[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]])
def test_tied_scores_are_chance_in_any_order(labels: list[int]) -> None:
    once = [np.ones((1, 4))]
    assert weighted_eer(np.zeros(4), np.array(labels), once) == pytest.approx([50.0])


def test_two_scores_in_any_order() -> None:
    """At 0 nothing is missed and everything accepted, at 1 a half is missed and a quarter accepted:
    the line between them has equal errors of 40 %."""
    scores = np.array([0, 0, 1, 1, 0, 0, 0, 1])
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(8)
        found = weighted_eer(scores[order], labels[order], [np.ones((1, 8))])
        assert found == pytest.approx([40.0])


def test_a_draw_of_one_class_has_no_rate() -> None:
    weights = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]])
    found = weighted_eer(np.arange(4.0), np.array([1, 1, 0, 0]), [weights])
    assert np.isnan(found[:2]).all() and found[2] == 100.0


def test_many_draws_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = some_trials(6, 3)
    scores = scores_of(trials, 1.0, 0)
    whole = drawn_eers(scores, trials, draws=20)
    monkeypatch.setattr("joint.metrics.bootstrap._VALUES", 3 * len(scores))
    assert np.array_equal(drawn_eers(scores, trials, draws=20), whole)


def test_speakers_are_drawn_whole() -> None:
    trials = some_trials(5)
    for row in trials.weights(trials.drawn(20, 0)):
        own = {int(s): set(row[(trials.first == s) & (trials.second == s)]) for s in range(5)}
        assert all(len(values) == 1 for values in own.values())
        times = {s: values.pop() for s, values in own.items()}
        assert sum(times.values()) == 5
        pairs = [times[int(a)] * times[int(b)] for a, b in zip(trials.first, trials.second)]  # noqa: B905
        apart = trials.first != trials.second
        assert np.array_equal(row[apart], np.array(pairs, np.float32)[apart])


def test_a_clear_change_is_clear_and_none_is_none() -> None:
    trials = some_trials()

    def drawn(gap: float, seeds: range, shift: float = 0.0) -> list[np.ndarray]:
        return [drawn_eers(scores_of(trials, gap, s) + shift, trials, draws=300) for s in seeds]

    base = drawn(2.0, range(3))
    same = change_of_eer(base, drawn(2.0, range(3), shift=1.0))
    assert (same.percent, same.low, same.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    better = change_of_eer(base, drawn(2.6, range(3)))
    assert better.low < better.percent < better.high < 0
    noise = change_of_eer(base, drawn(2.0, range(7, 10)))
    assert noise.low < 0 < noise.high


def test_as_many_seeds() -> None:
    with pytest.raises(DataError, match="1 and 2"):
        change_of_eer([np.ones(5)], [np.ones(5)] * 2)
