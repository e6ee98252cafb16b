"""`joint evaluate verification`: error rates of a list of trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.evaluate.scoring import (
    AdaptationOption,
    AdaptOption,
    BackendOption,
    CalibrateOption,
    CohortOption,
    NormOption,
    TopOption,
    scorer_of,
    scores_named,
)
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Engine, Json, Report
from joint.files import write_json
from joint.terminal import warn

if TYPE_CHECKING:
    from joint.data.corpus import Corpus
    from joint.encoders.identity import EncoderIdentity
    from tasks.verification.embedding import EmbeddedFiles
    from tasks.verification.trials import Trials


def verification(
    data: Data,
    trials: Annotated[
        Path,
        typer.Option(
            "--trials",
            metavar="FILE",
            help="Lines `LABEL UTT1 UTT2`, where LABEL is 1 for the same speaker, else 0.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores",
            metavar="FILE.csv",
            help="Also write the score of each trial, and the DET curve beside it as FILE.det.svg.",
        ),
    ] = None,
    conditions: Annotated[
        bool,
        typer.Option(
            "--conditions",
            help="Also treat 400 of the recordings, on one side of the trials and on both: zeros, "
            "gates, narrow bands, codecs, noise. Cosine scores at the checkpoint's threshold.",
        ),
    ] = False,
    embeddings: Annotated[
        list[Path] | None,
        typer.Option(
            "--embeddings",
            metavar="FILE.npz",
            help="Embeddings of the corpus that `joint embed` wrote with the same checkpoint: they "
            "are not computed again; may be repeated, for the shares of several jobs.",
        ),
    ] = None,
    report: Report = None,
    json: Json = None,
    backend: BackendOption = "cosine",
    norm: NormOption = "none",
    cohort: CohortOption = None,
    top: TopOption = None,
    adapt: AdaptOption = None,
    adaptation: AdaptationOption = None,
    calibrate: CalibrateOption = None,
    engine: Engine = "auto",
) -> None:
    """EER, minDCF and Cllr of a list of trials, also by gender and by age group.

    Scores are cosines of the embeddings unless --backend, --norm or --calibrate is given.
    CHECKPOINT may also be an encoder that `joint export` wrote.

    Example: joint evaluate verification --data CORPUS/test --trials CORPUS/test/trials
    --json eer.json
    """
    from joint.app.engine.choosing import open_encoder
    from joint.data.opening import open_corpus
    from joint.metrics.detection import error_rates
    from tasks.verification.embedding import embed_corpus
    from tasks.verification.evaluate import evaluate_embedded, write_scores
    from tasks.verification.trials import Trials

    corpus, listed = open_corpus(data), Trials.load(trials)
    listed.check(corpus)
    model = open_encoder(checkpoint, engine)
    embedded = _stored(embeddings, corpus, listed, model.identity) if embeddings else None
    scorer = scorer_of(model.embed, backend, norm, cohort, top, adapt, adaptation, calibrate)
    if embedded is None:
        embedded = embed_corpus(model.embed, corpus, listed.names, progress=True)
    figures, kept, values = evaluate_embedded(embedded, corpus, listed, scorer)
    rates, name = error_rates(values, kept.labels), model.identity.name
    if scores:
        from analysis.charts import det_chart, save

        write_scores(scores, kept, values)
        save(det_chart({name: rates}), scores.with_suffix(".det.svg"))
    if conditions:
        from joint.training.progress import shown
        from tasks.verification.conditions import CONDITIONS, evaluate_conditions

        found = evaluate_conditions(model.embed, corpus, listed, model.threshold)
        figures["by_condition"] = dict(shown(found, "conditions", True, len(CONDITIONS)))
    print_figures(figures)
    if json:
        write_json(json, figures)
    if report:
        from analysis.report.verification import write_verification_report

        used = {"checkpoint": model.path, "data": data, "trials": trials}
        made = {"scores": scores, "figures": json}
        files = used | {what: file for what, file in made.items() if file}
        scored = (scores_named(backend, norm, calibrate is not None), values, kept.labels)
        write_verification_report(report, name, figures, rates, scored, files)


def _stored(
    files: list[Path], corpus: "Corpus", trials: "Trials", encoder: "EncoderIdentity"
) -> "EmbeddedFiles":
    """The embeddings in `files`, of this `encoder`; warns of utterances of the trials that none
    has."""
    from tasks.verification.stored import read_embeddings

    embedded = read_embeddings(files, corpus, trials.names, encoder)
    if missing := len(trials.names) - len(embedded.names):
        warn(f"{missing} of {len(trials.names)} utterances of the trials are in no --embeddings")
    return embedded
