"""Options of `joint evaluate verification` for back-ends, score normalisation and calibration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tasks.verification.embedding import Embed
    from tasks.verification.scorer import Scorer

BackendOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="cosine|lda|plda|psda",
        help="The scoring back-end; all but cosine are trained on --cohort.",
    ),
]
NormOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--norm",
        metavar="none|s|as",
        help="Score normalisation: none, symmetric (S-norm) or adaptive symmetric (AS-norm) "
        "against the speakers of --cohort.",
    ),
]
CohortOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cohort",
        metavar="DATA",
        help="A corpus of speakers who are in no trial, in any form that --data takes.",
    ),
]
TopOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="N",
        min=2,
        help="With --norm as: the number of highest cohort scores that normalise a trial; by "
        "default 300.",
    ),
]
AdaptOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--adapt",
        metavar="DATA",
        help="Recordings of the trials' domain, without speaker labels, to adapt the back-end to.",
    ),
]
AdaptationOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--adaptation",
        metavar="coral|coral+|coral++|plda",
        help="The adaptation method; by default coral+ for PLDA and coral for the others.",
    ),
]
CalibrateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        metavar="DIR",
        help="A corpus with a list `trials`, on which the scores are calibrated to log-likelihood "
        "ratios.",
    ),
]


def scores_named(backend: str, norm: str, calibrated: bool) -> str:
    """What the scores are, for the axes of charts."""
    if calibrated:
        return "log-likelihood ratio"
    plain = "cosine" if backend == "cosine" else f"{backend.upper()} score"
    return plain if norm == "none" else f"{plain}, {norm.upper()}-norm"


def scorer_of(
    embed: "Embed",
    backend: str,
    norm: str,
    cohort: Path | None,
    top: int | None,
    adapt: Path | None,
    adaptation: str | None,
    calibrate: Path | None,
) -> "Scorer":
    """The scorer that the options describe. Raises JointError."""
    from joint.data.opening import open_corpus
    from tasks.verification.embedding import embed_corpus
    from tasks.verification.scorer import TOP, check_options, make_scorer
    from tasks.verification.trials import Trials

    check_options(backend, norm, cohort is not None, adapt is not None, adaptation)
    if cohort is not None and (backend, norm) == ("cosine", "none"):
        expected = "another --backend, or --norm s or as: nothing else reads it"
        raise ConfigError("--cohort", "backend cosine, norm none", expected)
    if top is not None and norm != "as":
        raise ConfigError("--top", f"norm {norm}", "--norm as: nothing else reads it")
    trials = None if calibrate is None else Trials.load(calibrate / "trials")
    others, speakers = None, None
    if cohort is not None:
        import numpy as np

        folder = open_corpus(cohort)
        embedded = embed_corpus(embed, folder, progress=True)
        others = embedded.embeddings
        speakers = np.array([folder.by_id[name].speaker for name in embedded.names])
    target = None
    if adapt is not None:
        target = embed_corpus(embed, open_corpus(adapt), progress=True).embeddings
    scorer = make_scorer(backend, norm, others, speakers, target, top or TOP, adaptation)
    if calibrate is None or trials is None:
        return scorer
    folder = open_corpus(calibrate)
    trials.check(folder)
    embedded = embed_corpus(embed, folder, progress=True)
    rows = embedded.rows()
    missing = [name for name in trials.names if name not in rows]
    if missing:
        raise DataError(calibrate, f"{missing[0]} cannot be read", "every recording of its trials")
    return scorer.calibrated(embedded, *trials.positions(rows), trials.labels)
