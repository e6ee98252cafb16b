"""`joint evaluate extraction`: how well the target speaker is extracted from listed mixtures."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import SHIPPED, Checkpoint, Data, Engine, Json, Report
from joint.files import atomic_path, write_json


def extraction(
    data: Data,
    mixtures: Annotated[
        Path,
        typer.Option(
            "--mixtures",
            metavar="FILE.csv",
            help="A table with the columns mix_id,target,interferer,enrollment,snr_db: utterance "
            "ids of the data, and the level of the target against the interferer in dB; lists of "
            "LibriMix also have gains, the length of the enrolment, the mode and the sample rate.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="Also write the extracted speech of each mixture as WAV.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="Only the first N mixtures; by default all."
        ),
    ] = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            metavar="faster-whisper:DIR",
            help="Also compute the WER of the extracted speech, with the Whisper model in DIR "
            "(needs the extra `recognition`).",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(
            "--scores", metavar="FILE.csv", help="Also write the figures of each mixture."
        ),
    ] = None,
    report: Report = None,
    json: Json = None,
    engine: Engine = "auto",
) -> None:
    """SI-SDR in dB and its improvement, PESQ, STOI and WER of extraction from mixtures of two.

    improved_share is the share of mixtures with an improvement above 1 dB; wrong_speaker_share is
    the share whose output is closer to the interferer than to the target. A list at 8 kHz is
    scored at 8 kHz: the model gets its mixtures resampled, and its output is resampled back.
    CHECKPOINT may also be an extractor that `joint export` wrote, with the encoder beside it.

    Example: joint evaluate extraction --data CORPUS/test --mixtures CORPUS/test/mix2_extraction.csv
    --limit 50
    """
    from joint.app.engine.choosing import open_extractor
    from joint.data.opening import open_corpus
    from joint.metrics.recognizers import load_recognizer
    from tasks.extraction.evaluate import evaluate_extraction
    from tasks.extraction.mixtures import MixtureList

    corpus, listed = open_corpus(data), MixtureList.load(mixtures)
    listed.check(corpus)
    recognise = load_recognizer(recognizer) if recognizer else None
    model = open_extractor(checkpoint, engine)
    model.check_extractor()
    with ExitStack() as outputs:
        table = outputs.enter_context(atomic_path(scores)) if scores else None
        figures = evaluate_extraction(
            model.estimate, corpus, listed, output, limit, recognizer=recognise, scores=table
        )
    print_figures(figures)
    if json:
        write_json(json, figures)
    if report:
        from analysis.report.extraction import write_extraction_report

        used = {"checkpoint": model.path, "data": data, "mixtures": mixtures}
        made = {"estimates": output, "scores": scores, "figures": json}
        files = used | {what: file for what, file in made.items() if file}
        name = model.identity.name
        lists = (corpus, listed)
        write_extraction_report(report, name, figures, model.estimate, lists, files, limit)
