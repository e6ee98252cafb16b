"""`joint evaluate verification`: error rates of a list of trials."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

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
)
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Json, open_model
from joint.files import atomic_path, write_json


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
    json: Json = None,
    backend: BackendOption = "cosine",
    norm: NormOption = "none",
    cohort: CohortOption = None,
    top: TopOption = 300,
    adapt: AdaptOption = None,
    adaptation: AdaptationOption = None,
    calibrate: CalibrateOption = None,
) -> None:
    """EER, minDCF and Cllr of a list of trials, also by gender and by age group.

    Scores are cosines of the embeddings unless --backend, --norm or --calibrate is given.

    Example: joint evaluate verification --data CORPUS/test --trials CORPUS/test/trials
    --json eer.json
    """
    from joint.data.opening import open_corpus
    from tasks.verification.evaluate import evaluate_verification
    from tasks.verification.trials import Trials

    corpus, listed = open_corpus(data), Trials.load(trials)
    listed.check(corpus)
    model = open_model(checkpoint, tasks=())
    with ExitStack() as outputs:
        table = outputs.enter_context(atomic_path(scores)) if scores else None
        scorer = scorer_of(model.embed, backend, norm, cohort, top, adapt, adaptation, calibrate)
        figures = evaluate_verification(model.embed, corpus, listed, table, scorer=scorer)
    if conditions:
        from joint.training.progress import shown
        from tasks.verification.conditions import CONDITIONS, evaluate_conditions

        found = evaluate_conditions(model.embed, corpus, listed, model.threshold)
        figures["by_condition"] = dict(shown(found, "conditions", True, len(CONDITIONS)))
    if scores:
        _write_det(scores, str(model.info()["name"]))
    print_figures(figures)
    if json:
        write_json(json, figures)


def _write_det(scores: Path, name: str) -> None:
    """The DET curve of a written table of scores, as an SVG beside it."""
    import csv

    import numpy as np

    from analysis.charts import det_chart, save
    from joint.metrics.detection import error_rates

    with scores.open(newline="", encoding="utf-8") as file:
        rows = [(float(row["score"]), int(row["label"])) for row in csv.DictReader(file)]
    values, labels = np.array(rows).T
    save(det_chart({name: error_rates(values, labels)}), scores.with_suffix(".det.svg"))
