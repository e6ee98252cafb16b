"""Scores of trials from embeddings: transform, back-end, score normalisation, calibration."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from joint.errors import ConfigError, DataError
from joint.metrics.calibration import Calibration
from tasks.verification.backends.adaptation import (
    Coral,
    CoralPlusPlus,
    adapted_plda,
    coral_plus,
)
from tasks.verification.backends.normalization import (
    CohortStatistics,
    cohort_statistics,
    normalize,
    speaker_means,
)
from tasks.verification.backends.plda import Plda
from tasks.verification.backends.psda import Psda
from tasks.verification.backends.scoring import Backend, score_trials
from tasks.verification.backends.transforms import (
    Chain,
    Lda,
    LengthNormalization,
    MeanSubtraction,
)
from tasks.verification.embedding import EmbeddedFiles

BACKENDS = ("cosine", "lda", "plda", "psda")
NORMS = ("none", "s", "as")
ADAPTATIONS: dict[str, Callable[[Plda, np.ndarray], Plda]] = {
    "coral+": coral_plus,
    "plda": adapted_plda,
}
"""Adaptation of a PLDA's covariances."""
TRANSFORMS = {"coral": Coral, "coral++": CoralPlusPlus}
"""Transforms of the cohort to the new domain, for any back-end that is trained."""
TOP = 300
"""Highest cohort scores that adaptive score normalisation uses."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Scorer:
    """Scores trials, by default by cosine. `cohort` has embeddings after the `transform`, `top` how
    many of their highest scores the normalisation uses (None: all)."""

    transform: Chain = field(default_factory=lambda: Chain([]))
    backend: Backend = field(default_factory=Backend)
    cohort: np.ndarray | None = None
    top: int | None = None
    calibration: Calibration | None = None

    def __call__(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray
    ) -> np.ndarray:
        """Scores `(T,)` of the rows `first (T,)` and `second (T,)` of `embedded`; log-likelihood
        ratios where there is a calibration."""
        scores, statistics = self._uncalibrated(embedded, first, second)
        if self.calibration is None:
            return scores
        return self.calibration(scores, quality_measures(embedded, statistics, first, second))

    def _uncalibrated(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, CohortStatistics | None]:
        transformed = self.transform(embedded.embeddings)
        scores = score_trials(self.backend, transformed, first, second)
        if self.cohort is None:
            return scores, None
        statistics = cohort_statistics(self.backend, transformed, self.cohort, self.top)
        return normalize(scores, statistics, first, second), statistics

    def calibrated(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray, labels: np.ndarray
    ) -> "Scorer":
        """This scorer with a calibration fitted on labelled trials. Raises DataError for trials of
        one class only."""
        scores, statistics = self._uncalibrated(embedded, first, second)
        measures = quality_measures(embedded, statistics, first, second)
        return replace(self, calibration=Calibration.fit(scores, labels, measures))


def quality_measures(
    embedded: EmbeddedFiles,
    statistics: CohortStatistics | None,
    first: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """Quality measures of every trial `(T, Q)`: of both sides the lower and the higher value of log
    duration, log norm of the embedding and, with a cohort, the mean cohort score."""
    magnitude = np.linalg.norm(embedded.embeddings, axis=1)
    columns = [np.log(embedded.seconds), np.log(np.maximum(magnitude, 1e-12))]
    if statistics is not None:
        columns.append(statistics.mean)
    own = np.stack(columns, axis=1)
    low, high = np.minimum(own[first], own[second]), np.maximum(own[first], own[second])
    return np.hstack([low, high])


def check_options(
    backend: str, norm: str, cohort: bool, target: bool, adaptation: str | None = None
) -> None:
    """Check the options before anything is embedded. Raises ConfigError for an unknown name or an
    impossible combination, DataError where a cohort or recordings to adapt to are missing."""
    for name, value, known in (("backend", backend, BACKENDS), ("norm", norm, NORMS)):
        if value not in known:
            raise ConfigError(name, repr(value), ", ".join(known))
    if backend == "cosine" and target:
        raise ConfigError("adaptation", "backend cosine, which is not trained", "lda, plda or psda")
    if adaptation is not None:
        fitting = [*TRANSFORMS, *(ADAPTATIONS if backend == "plda" else [])]
        if adaptation not in fitting:
            expected = f"{', '.join(fitting)} with {backend}"
            raise ConfigError("adaptation", repr(adaptation), expected)
        if not target:
            raise DataError("adaptation", "no recordings to adapt to", "a folder of them")
    if not cohort and (backend != "cosine" or norm != "none"):
        found = f"none for backend {backend}, norm {norm}"
        raise DataError("cohort", found, "a folder of other speakers")


def make_scorer(
    backend: str = "cosine",
    norm: str = "none",
    cohort: np.ndarray | None = None,
    speakers: np.ndarray | None = None,
    target: np.ndarray | None = None,
    top: int = TOP,
    adaptation: str | None = None,
) -> Scorer:
    """A scorer with a back-end trained on `cohort (n, E)` of `speakers (n,)`, whose means, one a
    speaker, are also the cohort of the normalisation.

    With `target (m, E)`, unlabelled embeddings of the domain of the trials, a PLDA is adapted by
    `coral+`, LDA and PSDA by `coral`, unless `adaptation` names another method. A cohort of fewer
    than `top` speakers is used whole, with a warning. Raises ConfigError for an unknown name, and
    DataError where the cohort is missing or too small to train on.
    """
    known = cohort is not None and speakers is not None
    check_options(backend, norm, known, target is not None, adaptation)
    if cohort is None or speakers is None:
        return Scorer()
    adaptation = adaptation or ("coral+" if backend == "plda" else "coral")
    if target is not None and adaptation in TRANSFORMS:
        cohort = TRANSFORMS[adaptation](target).fit(cohort, speakers)(cohort)
    chain, trained = fitted(backend, cohort, speakers)
    if target is not None and isinstance(trained, Plda) and adaptation in ADAPTATIONS:
        chain.parts[0] = MeanSubtraction().fit(target, np.zeros(len(target)))
        trained = ADAPTATIONS[adaptation](trained, chain(target))
    if norm == "none":
        return Scorer(chain, trained)
    means = speaker_means(chain(cohort), speakers)
    if isinstance(trained, Plda):  # trained on embeddings of length √E
        means = LengthNormalization()(means)
    if norm == "s":
        return Scorer(chain, trained, means)
    if len(means) < top:
        logger.warning("the cohort has %d speakers: all are used, not the top %d", len(means), top)
    return Scorer(chain, trained, means, min(top, len(means)))


def fitted(backend: str, embeddings: np.ndarray, speakers: np.ndarray) -> tuple[Chain, Backend]:
    """The transforms and the back-end, fitted on labelled embeddings."""
    if backend == "cosine":
        return Chain([]), Backend()
    if backend == "psda":
        return Chain([]), Psda().fit(embeddings, speakers)
    if backend == "lda":
        return Chain([MeanSubtraction(), Lda()]).fit(embeddings, speakers), Backend()
    chain = Chain([MeanSubtraction(), LengthNormalization()]).fit(embeddings, speakers)
    return chain, Plda().fit(chain(embeddings), speakers)
