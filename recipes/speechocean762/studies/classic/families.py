"""Scores of the classic systems, family by family."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from recipes.speechocean762.studies.classic.parts import Parts
from tasks.verification.backends.normalization import normalize
from tasks.verification.backends.plda import Plda
from tasks.verification.backends.transforms import Chain, Lda, LengthNormalization, MeanSubtraction
from tasks.verification.classic.extractor import StatisticsExtractor
from tasks.verification.classic.factor_analysis import LinearScoring, PointScoring
from tasks.verification.classic.features import Speech
from tasks.verification.classic.gmm_ubm import GmmUbm
from tasks.verification.classic.pairs import Enrolled, PairSystem, cohort_pairs, score_pairs
from tasks.verification.scorer import Scorer


@dataclass(frozen=True)
class Scored:
    """Scores `(T,)` of one system, and the seconds from frames to scores."""

    scores: np.ndarray
    seconds: float


Family = Callable[[Parts, Speech, np.ndarray, np.ndarray], dict[str, Scored]]
"""Scores of trials between rows of the speech, by each system of a family."""


def vq(parts: Parts, speech: Speech, first: np.ndarray, second: np.ndarray) -> dict[str, Scored]:
    """See Family."""
    return _by_pairs("VQ", parts.vq, parts.cohort, speech, first, second)


def gmm_ubm(
    parts: Parts, speech: Speech, first: np.ndarray, second: np.ndarray
) -> dict[str, Scored]:
    """See Family."""
    system = GmmUbm(parts.ubm, parts.sizes.relevance, parts.sizes.top)
    return _by_pairs("GMM-UBM", system, parts.cohort, speech, first, second)


def svm(parts: Parts, speech: Speech, first: np.ndarray, second: np.ndarray) -> dict[str, Scored]:
    """See Family."""
    return _by_pairs("GMM supervectors, SVM", parts.svm, parts.cohort, speech, first, second)


def jfa(parts: Parts, speech: Speech, first: np.ndarray, second: np.ndarray) -> dict[str, Scored]:
    """See Family."""
    extractor = StatisticsExtractor(parts.cepstra, parts.ubm, parts.factors.embed)
    backends = {
        "JFA, linear scoring": LinearScoring(len(parts.ubm.weights)),
        "JFA": PointScoring(len(parts.ubm.weights)),
    }
    scorers = {name: Scorer(backend=backend) for name, backend in backends.items()}
    return _by_embeddings(extractor, scorers, parts.cohort, speech, first, second)


def ivector(
    parts: Parts, speech: Speech, first: np.ndarray, second: np.ndarray
) -> dict[str, Scored]:
    """See Family."""
    extractor = StatisticsExtractor(parts.cepstra, parts.ubm, parts.subspace.factors)
    x, speakers = parts.training_ivectors, parts.speakers
    centred = Chain([MeanSubtraction()]).fit(x, speakers)
    lda = Chain([MeanSubtraction(), Lda(parts.sizes.lda)]).fit(x, speakers)
    unit = Chain([MeanSubtraction(), LengthNormalization()]).fit(x, speakers)
    scorers = {
        "i-vector, cosine": Scorer(centred),
        "i-vector, LDA": Scorer(lda),
        "i-vector, PLDA": Scorer(unit, Plda().fit(unit(x), speakers)),
    }
    return _by_embeddings(extractor, scorers, parts.cohort, speech, first, second)


def _by_pairs(
    name: str,
    system: PairSystem,
    cohort: Speech,
    speech: Speech,
    first: np.ndarray,
    second: np.ndarray,
) -> dict[str, Scored]:
    start = time.perf_counter()
    enrolled = Enrolled.of(system, speech, progress=True)
    scores = score_pairs(system, enrolled, enrolled, first, second, progress=True)
    alone = time.perf_counter() - start
    others = Enrolled.of(system, cohort, progress=True)
    found = normalize(scores, cohort_pairs(system, enrolled, others, True), first, second)
    normalized = Scored(found, time.perf_counter() - start)
    return {name: Scored(scores, alone), f"{name}, S-norm": normalized}


def _by_embeddings(
    extractor: StatisticsExtractor,
    scorers: Mapping[str, Scorer],
    cohort: Speech,
    speech: Speech,
    first: np.ndarray,
    second: np.ndarray,
) -> dict[str, Scored]:
    others = extractor.of_speech(cohort).embeddings
    start = time.perf_counter()
    embedded = extractor.of_speech(speech)
    extraction = time.perf_counter() - start
    found = {}
    for name, scorer in scorers.items():
        normalized = replace(scorer, cohort=scorer.transform(others))
        for label, system in {name: scorer, f"{name}, S-norm": normalized}.items():
            start = time.perf_counter()
            scores = system(embedded, first, second)
            found[label] = Scored(scores, extraction + time.perf_counter() - start)
    return found


FAMILIES: dict[str, tuple[Family, tuple[str, ...]]] = {
    "vq": (vq, ("vq",)),
    "gmm-ubm": (gmm_ubm, ("ubm",)),
    "svm": (svm, ("ubm", "svm")),
    "jfa": (jfa, ("ubm", "jfa")),
    "i-vector": (ivector, ("ubm", "ivector")),
}
"""The scoring function of each family, and its trained parts."""
