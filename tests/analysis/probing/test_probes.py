"""Probes find planted answers and none in noise; folds share no speaker and no text."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from analysis.probing.findings import Finding, decompose, findings, score, shuffled, tensor
from analysis.probing.folds import disjoint_folds
from analysis.probing.linear import PENALTIES, Kind, Spectrum
from joint.errors import DataError

PEOPLE, EACH = 25, 20
OWNERS = [f"p{i // EACH}" for i in range(PEOPLE * EACH)]


def planted(kind: Kind, rng: np.random.Generator) -> np.ndarray:
    """Answers of some kind, unevenly shared."""
    count = PEOPLE * EACH
    if kind == "classes":
        return np.eye(3)[rng.choice(3, count, p=[0.6, 0.3, 0.1])]
    if kind == "presence":
        return (rng.random((count, 4)) < 0.15).astype(float)
    return rng.standard_normal((count, 2))


def asked(kind: Kind, signal: float, seed: int = 0) -> dict[tuple[str, str], Finding]:
    """Findings on vectors that hold the answers, `signal` strong, in a random direction each, and
    on noise."""
    rng = np.random.default_rng(seed)
    y = planted(kind, rng)
    noise = rng.standard_normal((len(y), 40))
    vectors = noise + signal * y @ rng.standard_normal((y.shape[1], 40))
    folds = disjoint_folds(OWNERS)
    spectra = {
        "signal": decompose(vectors, folds),
        "noise": decompose(rng.standard_normal((len(y), 40)), folds),
    }
    found = findings(spectra, "question", kind, y, folds)
    return {(f.layer, f.probe): f for f in found}


@pytest.mark.parametrize("kind", ["classes", "presence", "numbers"])
def test_planted_answers_are_found_and_noise_is_chance(kind: Kind) -> None:
    found = asked(kind, signal=4.0)
    for probe in ("linear", "mlp"):
        # a network bends what is straight: of numbers it explains somewhat less
        least = 0.8 if (kind, probe) == ("numbers", "mlp") else 0.95
        assert found["signal", probe].value >= least, probe
        assert found["signal", probe].above_shuffled >= 0.8, probe
        noise = found["noise", probe]
        assert abs(noise.value - noise.chance) < 0.1, (probe, noise)
        # shuffled labels that are answered below chance take nothing away
        assert found["signal", probe].above_shuffled <= found["signal", probe].skill, probe


def test_a_network_finds_what_no_line_separates() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((PEOPLE * EACH, 8))
    y = np.eye(2)[(vectors[:, 0] * vectors[:, 1] > 0).astype(int)]
    folds = disjoint_folds(OWNERS)
    found = list(findings({"x": decompose(vectors, folds)}, "xor", "classes", y, folds))
    linear, network = (next(f for f in found if f.probe == p) for p in ("linear", "mlp"))
    assert linear.value < 0.6 and network.value > 0.75


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(0)
    y = planted("numbers", rng)
    vectors = y @ rng.standard_normal((2, 900)) + 0.1 * rng.standard_normal((len(y), 900))
    folds = disjoint_folds(OWNERS)
    found = list(findings({"x": decompose(vectors, folds)}, "wide", "numbers", y, folds))
    assert found[0].value > 0.95


def test_a_channel_that_wakes_up_in_the_test_does_not_decide() -> None:
    rng = np.random.default_rng(0)
    y = planted("numbers", rng)
    vectors = y @ rng.standard_normal((2, 40)) + rng.standard_normal((len(y), 40))
    folds = disjoint_folds(OWNERS)
    asleep = 1e-6 * rng.standard_normal((len(y), 3))
    asleep[folds[0].test] += 0.5
    part = decompose(np.hstack([vectors, asleep]), folds)[0]
    answers = part.ridge(tensor(y[folds[0].train]))[1]
    assert score(answers.numpy(), y[folds[0].test], "numbers") > 0.5


def test_the_penalty_is_the_best_for_people_left_out() -> None:
    rng = np.random.default_rng(3)
    person = np.repeat(rng.standard_normal((PEOPLE, 30)), EACH, axis=0)
    vectors = tensor(person + 0.1 * rng.standard_normal((PEOPLE * EACH, 30)))
    y = tensor(person[:, :2] + np.repeat(2.0 * rng.standard_normal((PEOPLE, 2)), EACH, axis=0))
    fold = disjoint_folds(OWNERS)[0]
    spectrum = Spectrum.of(vectors, fold)
    x, wanted = spectrum.train, y[fold.train]

    def error(penalty: float) -> float:
        total = 0.0
        for person in np.unique(fold.groups):
            out = torch.from_numpy(fold.groups == person)
            others, mean = x[~out] - x[~out].mean(dim=0), wanted[~out].mean(dim=0)
            gram = others.T @ others + penalty * torch.eye(x.shape[1], dtype=x.dtype)
            weights = torch.linalg.solve(gram, others.T @ (wanted[~out] - mean))
            answers = (x[out] - x[~out].mean(dim=0)) @ weights + mean
            total += float((answers - wanted[out]).square().sum())
        return total

    tried = (PENALTIES * float(spectrum.energies.mean())).tolist()
    best = min(tried, key=error)
    assert spectrum.penalty(wanted) == best
    each = replace(spectrum, groups=torch.arange(len(x))[:, None])
    assert (
        each.penalty(wanted) < best
    )  # a speaker's other recordings make a small penalty look good


def test_scores() -> None:
    y = np.eye(2)[[0, 0, 0, 1]]
    majority = np.tile([1.0, 0.0], (4, 1))
    assert score(majority, y, "classes") == 0.5
    assert score(y, y, "classes") == 1.0
    numbers = np.array([[1.0], [2.0], [3.0]])
    assert score(np.full((3, 1), 2.0), numbers, "numbers") == 0.0
    assert score(np.zeros((4, 1)), np.array([[0.0], [0.0], [0.0], [1.0]]), "presence") == 0.5


def test_shuffling_keeps_people_whole() -> None:
    owners = ["a"] * 3 + ["b"] * 2 + ["c"]
    y = np.array([[1.0]] * 3 + [[2.0]] * 2 + [[3.0]])
    other = shuffled(y, owners, seed=1)
    by_owner = {o: {v for v, w in zip(other[:, 0], owners, strict=True) if w == o} for o in "abc"}
    assert all(len(values) == 1 for values in by_owner.values())
    assert sorted(v for values in by_owner.values() for v in values) == [1.0, 2.0, 3.0]


def test_folds_share_no_group_and_nothing_of_what_is_apart() -> None:
    rng = np.random.default_rng(0)
    owners = [f"p{i}" for i in rng.integers(0, 12, 200)]
    texts = [f"t{i}" for i in rng.integers(0, 60, 200)]
    folds = disjoint_folds(owners, [texts])
    assert sorted(np.concatenate([f.test for f in folds])) == list(range(200))
    for fold in folds:
        for values in (owners, texts):
            trained = {values[i] for i in fold.train}
            assert trained and not trained & {values[i] for i in fold.test}


def test_too_few_groups() -> None:
    with pytest.raises(DataError, match="3 groups"):
        disjoint_folds(["a", "b", "c"] * 10)


def test_whitened_directions_have_unit_variance() -> None:
    rng = np.random.default_rng(0)
    folds = disjoint_folds(OWNERS)
    part = decompose(rng.standard_normal((len(OWNERS), 30)) * 5.0, folds)[0]
    np.testing.assert_allclose(part.whitened()[0].square().mean(dim=0), 1.0, rtol=1e-6)
    assert tensor(np.ones(2, dtype=np.float32)).dtype.itemsize == 8
