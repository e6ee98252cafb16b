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


@pytest.mark.parametrize("seed", range(5))
def test_equal_weights_give_the_usual_rate(seed: int) -> None:
    trials = some_trials()
    scores = scores_of(trials, 2.0, seed)
    weights = np.ones((2, len(scores)))
    found = weighted_eer(scores, trials.labels, weights)
    assert found == pytest.approx([eer(scores, trials.labels).percent] * 2, abs=0.2)


def test_weights_are_repetitions() -> None:
    trials = some_trials(8)
    scores = scores_of(trials, 1.5, 0)
    times = np.random.default_rng(1).integers(0, 4, len(scores))
    repeated = eer(np.repeat(scores, times), np.repeat(trials.labels, times)).percent
    assert weighted_eer(scores, trials.labels, times[None])[0] == pytest.approx(repeated, abs=0.3)


def test_speakers_are_drawn_whole() -> None:
    trials = some_trials(5)
    for row in trials.weights(20, 0):
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
    assert base[0][0] == pytest.approx(eer(scores_of(trials, 2.0, 0), trials.labels).percent, 0.02)
    same = change_of_eer(base, drawn(2.0, range(3), shift=1.0))
    assert (same.percent, same.low, same.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    better = change_of_eer(base, drawn(2.6, range(3)))
    assert better.low < better.percent < better.high < 0
    noise = change_of_eer(base, drawn(2.0, range(7, 10)))
    assert noise.low < 0 < noise.high


def test_as_many_seeds() -> None:
    with pytest.raises(DataError, match="1 and 2"):
        change_of_eer([np.ones(5)], [np.ones(5)] * 2)
