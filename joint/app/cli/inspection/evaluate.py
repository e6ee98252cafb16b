"""`joint evaluate`: figures of a checkpoint on a test set, a verb a task."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.inspection.scoring import (
    AdaptationOption,
    AdaptOption,
    BackendOption,
    CalibrateOption,
    CohortOption,
    NormOption,
    TopOption,
    scorer_of,
)
from joint.app.cli.options import Checkpoint, Data, Json, open_model
from joint.app.cli.training.figures import print_figures
from joint.files import atomic_path, write_json

evaluate = typer.Typer(no_args_is_help=True, help="Figures of a checkpoint on a test set.")


@evaluate.command()
def verification(
    checkpoint: Checkpoint,
    data: Data,
    trials: Annotated[
        Path,
        typer.Option(
            "--trials", metavar="FILE", help="Lines `LABEL UTT1 UTT2`, LABEL 1 = same speaker."
        ),
    ],
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores",
            metavar="OUT",
            help="Write a CSV row a trial, and the DET curve beside it as OUT.det.svg.",
        ),
    ] = None,
    json: Json = None,
    backend: BackendOption = "cosine",
    norm: NormOption = "none",
    cohort: CohortOption = None,
    top: TopOption = 300,
    adapt: AdaptOption = None,
    adaptation: AdaptationOption = None,
    calibrate: CalibrateOption = None,
) -> None:
    """EER and minDCF of a trials file, cosine scores without normalisation unless asked otherwise.

    Figures by gender pair and age group follow where the tables know them.

    Example: joint evaluate verification --checkpoint speechocean762-joint --data CORPUS/test
    --trials CORPUS/test/trials --json exp/eer.json
    """
    from joint.data.corpus import Corpus
    from tasks.verification.evaluate import evaluate_verification
    from tasks.verification.trials import Trials

    folder, listed = Corpus.load(data), Trials.load(trials)
    listed.check(folder)
    model = open_model(checkpoint)
    with ExitStack() as outputs:
        table = outputs.enter_context(atomic_path(scores)) if scores else None
        scorer = scorer_of(model.embed, backend, norm, cohort, top, adapt, adaptation, calibrate)
        figures = evaluate_verification(model.embed, folder, listed, table, scorer=scorer)
    if scores:
        _write_det(scores, str(model.info()["name"]))
    print_figures(figures)
    if json:
        write_json(json, figures)


@evaluate.command()
def extraction(
    checkpoint: Checkpoint,
    data: Data,
    mixtures: Annotated[
        Path,
        typer.Option(
            "--mixtures",
            metavar="CSV",
            help="Columns mix_id,target,interferer,enrollment,snr_db.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="WAVDIR", help="Write every extracted voice as WAV."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N mixtures."),
    ] = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            metavar="R",
            help="WER too, by faster-whisper:FOLDER (a local model; needs the extra recognition).",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option("--scores", metavar="OUT", help="Write a CSV row a mixture."),
    ] = None,
    json: Json = None,
) -> None:
    """SI-SDR and its improvement, share improved, wrong speakers, PESQ, STOI, WER.

    improved_share counts mixtures improved by more than 1 dB; wrong_speaker_share those whose
    output is closer to the interferer than to the target.

    Example: joint evaluate extraction --checkpoint speechocean762-joint --data CORPUS/test
    --mixtures CORPUS/test/mix2_extraction.csv --limit 50
    """
    from joint.data.corpus import Corpus
    from joint.metrics.recognizers import load_recognizer
    from tasks.extraction.evaluate import evaluate_extraction
    from tasks.extraction.mixtures import MixtureList

    folder, listed = Corpus.load(data), MixtureList.load(mixtures)
    listed.check(folder)
    hears = load_recognizer(recognizer) if recognizer else None
    model = open_model(checkpoint)
    with ExitStack() as outputs:
        table = outputs.enter_context(atomic_path(scores)) if scores else None
        figures = evaluate_extraction(
            model.extract, folder, listed, output, limit, recognizer=hears, scores=table
        )
    print_figures(figures)
    if json:
        write_json(json, figures)


@evaluate.command()
def phonetics(
    checkpoint: Checkpoint,
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="DIR", help="A prepared folder that `joint align` has seen."
        ),
    ],
    task: Annotated[
        str | None,
        typer.Option("--task", metavar="NAME", help="Where the checkpoint has several such heads."),
    ] = None,
    json: Json = None,
) -> None:
    """Share of frames whose phone a frame-level phonetic head finds, by phone too.

    Example: joint evaluate phonetics --checkpoint exp/speechocean762/phonetics --data
    data/speechocean762/test
    """
    from joint.data.corpus import Corpus
    from tasks.phonetics.evaluate import evaluate_phones
    from tasks.phonetics.select import frame_head

    corpus = Corpus.load(data)
    model = open_model(checkpoint)
    name, head = frame_head(model.model, model.path, task)
    phones = tuple(model.metadata.get("phones", ()))
    view = model.model.view(name)
    figures = evaluate_phones(head, view, corpus, phones, model.precision)
    print_figures(figures)
    if json:
        write_json(json, figures)


def _write_det(scores: Path, name: str) -> None:
    """The DET curve of a written scores table, as an SVG beside it."""
    import csv

    import numpy as np

    from analysis.charts import det_chart, save
    from joint.metrics.detection import error_rates

    with scores.open(newline="", encoding="utf-8") as file:
        rows = [(float(row["score"]), int(row["label"])) for row in csv.DictReader(file)]
    values, labels = np.array(rows).T
    save(det_chart({name: error_rates(values, labels)}), scores.with_suffix(".det.svg"))
