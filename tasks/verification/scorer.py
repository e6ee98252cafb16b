"""From embeddings to scores: transform, back-end, normalisation, calibration."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from joint.errors import ConfigError, DataError
from tasks.verification.backends.adaptation import Coral, adapted_plda, coral_plus
from tasks.verification.backends.calibration import Calibration
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
"""Of a PLDA's covariances; `coral` moves the cohort instead, for any back-end that learns."""
TOP = 300
"""Cohort scores that adaptive normalisation looks at."""


@dataclass(frozen=True)
class Scorer:
    """Scores of trials; as it stands by cosine. `cohort` holds embeddings that are transformed
    already, `top` how many of their scores count."""

    transform: Chain = field(default_factory=lambda: Chain([]))
    backend: Backend = field(default_factory=Backend)
    cohort: np.ndarray | None = None
    top: int | None = None
    calibration: Calibration | None = None

    def __call__(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray
    ) -> np.ndarray:
        """Scores `(T,)` of the rows `first (T,)` and `second (T,)`; log-likelihood ratios where
        there is a calibration."""
        scores, statistics = self._uncalibrated(embedded, first, second)
        if self.calibration is None:
            return scores
        return self.calibration(scores, quality_measures(embedded, statistics, first, second))

    def _uncalibrated(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, CohortStatistics | None]:
        moved = self.transform(embedded.embeddings)
        scores = score_trials(self.backend, moved, first, second)
        if self.cohort is None:
            return scores, None
        statistics = cohort_statistics(self.backend, moved, self.cohort, self.top)
        return normalize(scores, statistics, first, second), statistics

    def calibrated(
        self, embedded: EmbeddedFiles, first: np.ndarray, second: np.ndarray, labels: np.ndarray
    ) -> "Scorer":
        """The same with a calibration that is learnt from labelled trials. Raises DataError for
        trials of one class only."""
        scores, statistics = self._uncalibrated(embedded, first, second)
        measures = quality_measures(embedded, statistics, first, second)
        return replace(self, calibration=Calibration.fit(scores, labels, measures))


def quality_measures(
    embedded: EmbeddedFiles,
    statistics: CohortStatistics | None,
    first: np.ndarray,
    second: np.ndarray,
) -> np.ndarray:
    """Of both sides of every trial `(T, Q)`: the lower and the higher of log duration, log
    magnitude of the embedding and, with a cohort, its mean score."""
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
    """Raise ConfigError for an unknown name, and DataError where something has no cohort to learn
    from: what can be said before anything is embedded."""
    for name, value, known in (("backend", backend, BACKENDS), ("norm", norm, NORMS)):
        if value not in known:
            raise ConfigError(name, repr(value), ", ".join(known))
    if backend == "cosine" and target:
        raise ConfigError("adaptation", "backend cosine, which learns nothing", "lda, plda or psda")
    if adaptation is not None:
        fitting = ["coral", *(ADAPTATIONS if backend == "plda" else [])]
        if adaptation not in fitting:
            expected = f"{', '.join(fitting)} with {backend}"
            raise ConfigError("adaptation", repr(adaptation), expected)
        if not target:
            raise DataError("adaptation", "no recordings to adapt to", "a folder of them")
    if not cohort and (backend != "cosine" or norm != "none"):
        wish = f"backend {backend}, norm {norm}"
        raise DataError("cohort", f"none for {wish}", "a folder of other speakers")


def make_scorer(
    backend: str = "cosine",
    norm: str = "none",
    cohort: np.ndarray | None = None,
    speakers: np.ndarray | None = None,
    target: np.ndarray | None = None,
    top: int = TOP,
    adaptation: str | None = None,
) -> Scorer:
    """A scorer whose back-end learns from `cohort (n, E)` of `speakers (n,)`, which is also what
    normalisation compares with, one mean a speaker.

    With `target (m, E)`, unlabelled embeddings of the domain that the trials come from, a PLDA is
    adapted by `coral+` unless `adaptation` says `plda` or `coral`, LDA and PSDA by `coral`.
    Raises ConfigError for an unknown name, and DataError where something has no cohort or cannot
    learn from it.
    """
    known = cohort is not None and speakers is not None
    check_options(backend, norm, known, target is not None, adaptation)
    if cohort is None or speakers is None:
        return Scorer()
    adaptation = adaptation or ("coral+" if backend == "plda" else "coral")
    if target is not None and adaptation == "coral":
        cohort = Coral(target).fit(cohort, speakers)(cohort)
    chain, judge = learnt(backend, cohort, speakers)
    if target is not None and isinstance(judge, Plda) and adaptation in ADAPTATIONS:
        chain.parts[0] = MeanSubtraction().fit(target, np.zeros(len(target)))
        judge = ADAPTATIONS[adaptation](judge, chain(target))
    if norm == "none":
        return Scorer(chain, judge)
    people = speaker_means(chain(cohort), speakers)
    if isinstance(judge, Plda):  # it knows embeddings of length √E alone
        people = LengthNormalization()(people)
    if norm == "s":
        return Scorer(chain, judge, people)
    if len(people) < top:
        raise DataError("cohort", f"{len(people)} speakers", f"{top} at least, or a lower top")
    return Scorer(chain, judge, people, top)


def learnt(backend: str, embeddings: np.ndarray, speakers: np.ndarray) -> tuple[Chain, Backend]:
    """The back-end and what goes before it, fitted on labelled embeddings."""
    if backend == "cosine":
        return Chain([]), Backend()
    if backend == "psda":
        return Chain([]), Psda().fit(embeddings, speakers)
    if backend == "lda":
        return Chain([MeanSubtraction(), Lda()]).fit(embeddings, speakers), Backend()
    chain = Chain([MeanSubtraction(), LengthNormalization()]).fit(embeddings, speakers)
    return chain, Plda().fit(chain(embeddings), speakers)
