"""Detection metrics against cases that were worked out by hand, and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import det_curve, log_loss

from joint.errors import DataError
from joint.metrics.detection import cllr, eer, error_rates, min_cllr, min_dcf


def rates(targets: list[float], others: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(targets + others), np.array([1] * len(targets) + [0] * len(others))


@pytest.mark.parametrize(
    ("targets", "others", "percent"),
    [
        ([2, 3], [0, 1], 0.0),  # separated
        ([0, 1], [2, 3], 100.0),  # separated the wrong way round
        ([1, 2], [0, 1.5], 50.0),  # one of two is wrong on both sides at 1.5
        ([1, 2, 3, 4], [-1, 0, 0.5, 1.5], 25.0),  # at 1.5 a quarter is missed, a quarter passes
        ([1], [1], 50.0),  # a tie: from (1, 0) to (0, 1)
        ([1, 1, 1], [1, 1], 50.0),
        # At 1: miss 0, alarm 2/3. Above (2): miss 1/2, alarm 0. The line between them meets
        # the diagonal where s/2 = 2/3 (1 - s), s = 4/7, so EER = 2/7.
        ([1, 2], [1, 1, 0], 100 * 2 / 7),
        # At 2: miss 1/3, alarm 1/2. At 3: miss 1/3, alarm 0: the crossing is on that segment.
        ([1, 3, 4], [0, 2], 100 / 3),
    ],
)
def test_eer_of_hand_worked_cases(targets: list[float], others: list[float], percent: float):
    assert eer(*rates(targets, others)).percent == pytest.approx(percent)


def test_threshold_is_where_both_errors_meet():
    assert eer(*rates([2, 3], [0, 1])).threshold == 2
    assert eer(*rates([1, 2], [1, 1, 0])).threshold == pytest.approx(1 + 4 / 7)
    assert eer(*rates([1], [1])).threshold == 1  # finite although the curve ends at infinity


def test_eer_is_the_overlap_of_two_gaussians():
    random = np.random.default_rng(0)
    targets, others = random.normal(1, 1, 100_000), random.normal(-1, 1, 300_000)
    result = eer(*rates(targets.tolist(), others.tolist()))
    assert result.percent == pytest.approx(15.866, abs=0.25)  # Φ(−1)
    assert result.threshold == pytest.approx(0, abs=0.02)


def test_eer_does_not_depend_on_order_or_scale():
    random = np.random.default_rng(1)
    scores, labels = random.normal(size=500), random.random(500) < 0.3
    order = random.permutation(500)
    expected = eer(scores, labels).percent
    assert eer(3 * scores[order] + 7, labels[order]).percent == pytest.approx(expected)
    assert eer(-scores, ~labels).percent == pytest.approx(expected)


@pytest.mark.parametrize(
    ("targets", "others", "p_target", "cost"),
    [
        ([2, 3], [0, 1], 0.01, 0.0),
        ([0, 1], [2, 3], 0.01, 1.0),  # never worse than rejecting everybody
        # Without a false alarm half is missed: 0.01 · 1/2 / 0.01.
        ([1, 3], [0, 2], 0.01, 0.5),
        # p = 0.5: at 1 half of the others pass, at 3 half of the targets are missed.
        ([1, 3], [0, 2], 0.5, 0.5),
        # p = 0.9 turns it round: normalised by accepting everybody, 0.1 · 1/2 / 0.1.
        ([1, 3], [0, 2], 0.9, 0.5),
    ],
)
def test_min_dcf_of_hand_worked_cases(targets, others, p_target: float, cost: float):
    assert min_dcf(*rates(targets, others), p_target=p_target) == pytest.approx(cost)


def test_min_dcf_weighs_the_costs():
    scores, labels = rates([1, 3], [0, 2])
    # Ten times dearer misses: accept 1 (alarm 1/2) costs 0.25, against missing half = 2.5.
    assert min_dcf(scores, labels, 0.5, c_miss=10) == pytest.approx(0.25 / 0.5)


def test_min_dcf_equals_a_search_over_all_thresholds():
    random = np.random.default_rng(2)
    scores, labels = random.normal(size=300).round(1), random.random(300) < 0.2
    scores[labels] += 1.5
    costs = [
        (0.05 * np.mean(scores[labels] < t) + 0.95 * np.mean(scores[~labels] >= t)) / 0.05
        for t in [*np.unique(scores), np.inf]
    ]
    assert min_dcf(scores, labels, 0.05) == pytest.approx(min(1, min(costs)))


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        ([1, 2], [1, 1], "2 trials, all target"),
        ([1, 2], [0, 0], "2 trials, all non-target"),
        ([], [], "no trials"),
        ([1, np.nan], [0, 1], "1 not finite"),
        ([1, 2, 3], [0, 1], "one score a label"),
    ],
)
def test_bad_scores_are_refused(scores, labels, words: str):
    with pytest.raises(DataError, match=words):
        error_rates(np.array(scores), np.array(labels))


def test_a_prior_outside_of_0_and_1_is_refused():
    with pytest.raises(DataError, match="probability"):
        min_dcf(*rates([1], [0]), p_target=1)


@pytest.mark.parametrize("decimals", [1, 6])
@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_scikit_learns(seed: int, decimals: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.random(400) < 0.2
    scores = (random.normal(size=400) + 1.5 * labels).round(decimals)
    found = error_rates(scores, labels)
    false_alarm, miss, threshold = det_curve(labels, scores)
    ours = {t: (a, m) for t, a, m in zip(found.threshold, found.false_alarm, found.miss)}  # noqa: B905
    assert {t: ours[t] for t in threshold if np.isfinite(t)} == {
        t: pytest.approx((a, m))
        for t, a, m in zip(threshold, false_alarm, miss, strict=True)
        if np.isfinite(t)
    }


def test_cllr_of_hand_worked_cases() -> None:
    labels = np.array([1, 1, 0, 0])
    assert cllr(np.zeros(4), labels) == pytest.approx(1.0)
    assert cllr(np.array([np.log(3), np.log(3), -np.log(3), -np.log(3)]), labels) == pytest.approx(
        np.log2(4 / 3)
    )
    assert min_cllr(np.array([0.9, 0.8, 0.2, 0.1]), labels) == 0.0
    assert min_cllr(np.array([0.5, 0.5, 0.5, 0.5]), labels) == pytest.approx(1.0)
    # one of two targets below one of two others: only the outer pairs are certain
    assert min_cllr(np.array([0.9, 0.3, 0.4, 0.1]), labels) == pytest.approx(0.5)


def test_cllr_is_the_cross_entropy_of_balanced_classes() -> None:
    random = np.random.default_rng(3)
    labels = random.random(300) < 0.2
    ratios = 3 * random.normal(size=300) + labels
    weight = np.where(labels, 1 / labels.sum(), 1 / (~labels).sum())
    expected = log_loss(labels, 1 / (1 + np.exp(-ratios)), sample_weight=weight) / np.log(2)
    assert cllr(ratios, labels) == pytest.approx(expected)


def test_min_cllr_depends_on_the_order_alone() -> None:
    random = np.random.default_rng(4)
    labels = random.random(300) < 0.3
    scores = random.normal(size=300) + labels
    least = min_cllr(scores, labels)
    assert min_cllr(np.exp(scores), labels) == pytest.approx(least)
    assert least < min(cllr(gain * scores, labels) for gain in (0.25, 0.5, 1.0, 2.0))


def test_one_class_has_no_cllr() -> None:
    for measure in (cllr, min_cllr):
        with pytest.raises(DataError, match="3 trials, all target"):
            measure(np.zeros(3), np.ones(3))
