"""The chain from embeddings to scores, on speakers drawn from a known model."""

import numpy as np
import pytest

from joint.errors import ConfigError, DataError
from joint.metrics.detection import cllr, eer, min_cllr
from tasks.verification.embedding import EmbeddedFiles
from tasks.verification.scorer import Scorer, make_scorer

SIZE = 12


class World:
    """Speakers who differ in a few directions and vary in others, around an offset."""

    def __init__(self, speakers: int, each: int, seed: int, offset: float = 3.0) -> None:
        rng = np.random.default_rng(seed)
        differ = np.linspace(1.5, 0.1, SIZE)
        vary = np.linspace(0.2, 1.5, SIZE)
        mixing = np.linalg.qr(np.random.default_rng(99).normal(size=(SIZE, SIZE)))[0]
        self.speakers = np.repeat(np.arange(speakers), each)
        points = (rng.normal(size=(speakers, SIZE)) * differ)[self.speakers]
        noise = rng.normal(size=points.shape) * vary
        embeddings = ((points + noise) @ mixing + offset).astype(np.float32)
        names = [str(i) for i in range(len(embeddings))]
        self.files = EmbeddedFiles(names, embeddings, rng.uniform(1.0, 9.0, len(names)))
        self.first, self.second = np.triu_indices(len(embeddings), 1)
        self.labels = self.speakers[self.first] == self.speakers[self.second]

    def eer(self, scorer: Scorer) -> float:
        return eer(scorer(self.files, self.first, self.second), self.labels).percent


@pytest.fixture(scope="module")
def others() -> World:
    return World(60, 8, seed=0)


@pytest.fixture(scope="module")
def test_set() -> World:
    return World(25, 4, seed=1)


@pytest.mark.parametrize("backend", ["lda", "plda"])
def test_a_back_end_knows_what_distinguishes_speakers(
    others: World, test_set: World, backend: str
) -> None:
    scorer = make_scorer(backend, cohort=others.files.embeddings, speakers=others.speakers)
    assert test_set.eer(scorer) < 0.6 * test_set.eer(Scorer())


@pytest.mark.parametrize("norm", ["s", "as"])
@pytest.mark.parametrize("backend", ["cosine", "lda", "plda", "psda"])
def test_normalised_scores_of_other_speakers_have_one_scale(
    others: World, test_set: World, backend: str, norm: str
) -> None:
    """Whatever the back-end's unit: about mean 0 and deviation 1 against the whole cohort, lower
    against the nearest speakers alone; the order of the trials stays much as it was."""
    given = others.files.embeddings, others.speakers
    scorer, plain = make_scorer(backend, norm, *given, top=20), make_scorer(backend, "none", *given)
    scores = scorer(test_set.files, test_set.first, test_set.second)[~test_set.labels]
    if norm == "s":
        assert abs(scores.mean()) < 0.8 and 0.6 < scores.std() < 1.5
    else:
        assert scores.mean() < -1.5
    assert test_set.eer(scorer) < 1.5 * test_set.eer(plain)


def test_a_small_cohort_is_used_whole(
    others: World, test_set: World, caplog: pytest.LogCaptureFixture
) -> None:
    given = others.files.embeddings, others.speakers
    everybody = make_scorer("cosine", "s", *given)
    assert not caplog.records
    adaptive = make_scorer("cosine", "as", *given)
    assert [record.getMessage() for record in caplog.records] == [
        "the cohort has 60 speakers: all are used, not the top 300"
    ]
    trials = test_set.files, test_set.first, test_set.second
    assert np.allclose(adaptive(*trials), everybody(*trials), atol=1e-5)


@pytest.mark.parametrize(
    "backend, adaptation",
    [
        ("lda", None),
        ("psda", "coral"),
        ("psda", "coral++"),
        ("plda", None),
        ("plda", "coral"),
        ("plda", "coral++"),
        ("plda", "coral+"),
        ("plda", "plda"),
    ],
)
def test_adaptation_to_another_place(others: World, backend: str, adaptation: str | None) -> None:
    """The new domain has another mean, which its unlabelled embeddings show."""
    elsewhere, unlabelled = World(25, 4, 2, offset=-2.0), World(60, 4, 3, offset=-2.0)
    given = (others.files.embeddings, others.speakers)
    target = unlabelled.files.embeddings
    adapted = make_scorer(backend, "none", *given, target, adaptation=adaptation)
    plain = make_scorer(backend, "none", *given)
    if backend == "plda":  # its scores depend on the mean; cosines hardly do
        assert elsewhere.eer(adapted) < elsewhere.eer(plain)
    assert elsewhere.eer(adapted) < elsewhere.eer(Scorer())
    assert elsewhere.eer(adapted) != elsewhere.eer(plain)


def test_calibrated_scores_are_log_likelihood_ratios(others: World, test_set: World) -> None:
    scorer = make_scorer("plda", "s", others.files.embeddings, others.speakers)
    trained_on = World(25, 4, seed=5)
    calibrated = scorer.calibrated(
        trained_on.files, trained_on.first, trained_on.second, trained_on.labels
    )
    ratios = calibrated(test_set.files, test_set.first, test_set.second)
    assert cllr(ratios, test_set.labels) < min_cllr(ratios, test_set.labels) + 0.1


def test_what_cannot_be_made() -> None:
    with pytest.raises(ConfigError, match="backend: found 'svm'; expected cosine, lda, plda, psda"):
        make_scorer("svm")
    with pytest.raises(DataError, match="cohort: found none for backend plda, norm none"):
        make_scorer("plda")
    with pytest.raises(DataError, match="cohort: found none for backend cosine, norm as"):
        make_scorer("cosine", "as")
    with pytest.raises(ConfigError, match="which is not trained; expected lda, plda or psda"):
        make_scorer("cosine", target=np.ones((4, 2)))
    with pytest.raises(ConfigError, match=r"found 'coral\+'; expected coral, coral\+\+ with lda"):
        make_scorer("lda", "none", np.ones((4, 2)), np.zeros(4), np.ones((4, 2)), 2, "coral+")
    with pytest.raises(DataError, match="adaptation: found no recordings"):
        make_scorer("plda", "none", np.ones((4, 2)), np.zeros(4), adaptation="plda")
