"""Options of `joint evaluate verification` that decide how embeddings are scored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.errors import DataError

if TYPE_CHECKING:
    from tasks.verification.embedding import Embed
    from tasks.verification.scorer import Scorer

BackendOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="cosine|lda|plda|psda",
        help="What scores two embeddings; all but cosine learn from --cohort.",
    ),
]
NormOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--norm", metavar="none|s|as", help="Scores beside those against --cohort's speakers."
    ),
]
CohortOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--cohort", metavar="DIR", help="Kaldi tables of other speakers, with utt2spk."),
]
TopOption: TypeAlias = Annotated[
    int,
    typer.Option("--top", metavar="N", min=2, help="Cohort speakers that --norm as looks at."),
]
AdaptOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--adapt", metavar="DIR", help="Unlabelled recordings of the domain that the trials are of."
    ),
]
AdaptationOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--adaptation",
        metavar="coral|coral+|plda",
        help="How --adapt is used: coral+ for a PLDA and coral for others, unless said otherwise.",
    ),
]
CalibrateOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        metavar="DIR",
        help="Kaldi tables with a file `trials`: scores become log-likelihood ratios.",
    ),
]


def scorer_of(
    embed: "Embed",
    backend: str,
    norm: str,
    cohort: Path | None,
    top: int,
    adapt: Path | None,
    adaptation: str | None,
    calibrate: Path | None,
) -> "Scorer":
    """The scorer that the options describe. Raises JointError."""
    from joint.data.corpus import Corpus
    from tasks.verification.embedding import embed_corpus
    from tasks.verification.scorer import check_options, make_scorer
    from tasks.verification.trials import Trials

    check_options(backend, norm, cohort is not None, adapt is not None, adaptation)
    trials = None if calibrate is None else Trials.load(calibrate / "trials")
    others, speakers = None, None
    if cohort is not None:
        import numpy as np

        folder = Corpus.load(cohort)
        embedded = embed_corpus(embed, folder, progress=True)
        others = embedded.embeddings
        speakers = np.array([folder.by_id[name].speaker for name in embedded.names])
    target = None
    if adapt is not None:
        target = embed_corpus(embed, Corpus.load(adapt), progress=True).embeddings
    scorer = make_scorer(backend, norm, others, speakers, target, top, adaptation)
    if calibrate is None or trials is None:
        return scorer
    folder = Corpus.load(calibrate)
    trials.check(folder)
    embedded = embed_corpus(embed, folder, progress=True)
    rows = embedded.rows()
    missing = [name for name in trials.names if name not in rows]
    if missing:
        raise DataError(calibrate, f"{missing[0]} cannot be read", "every recording of its trials")
    return scorer.calibrated(embedded, *trials.positions(rows), trials.labels)
