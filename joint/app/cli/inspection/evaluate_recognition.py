"""`joint evaluate recognition`: what is said, by whom, against what was."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.inference.decoding import (
    BONUS,
    ORDER,
    WEIGHT,
    Beam,
    Bonus,
    CtcWeight,
    LanguageModel,
    Lexicon,
    Mode,
    Order,
    TaskName,
    Weight,
)
from joint.app.cli.options import Checkpoint, Data, Json, Threshold, open_model
from joint.app.cli.training.figures import print_figures
from joint.files import write_json


def recognition(
    checkpoint: Checkpoint,
    data: Data,
    conversations: Annotated[
        Path | None,
        typer.Option(
            "--conversations",
            metavar="CSV",
            help="Columns mix_id,first,second,delay_samples,enrollment_first,enrollment_second; "
            "without it every recording by itself.",
        ),
    ] = None,
    mode: Mode = None,
    task: TaskName = None,
    beam: Beam = None,
    language_model: LanguageModel = None,
    lexicon: Lexicon = None,
    order: Order = ORDER,
    weight: Weight = WEIGHT,
    bonus: Bonus = BONUS,
    ctc_weight: CtcWeight = None,
    attributed: Annotated[
        bool,
        typer.Option(
            "--attributed", help="Name the outputs, of mode simo or siso, by the enrolments."
        ),
    ] = False,
    threshold: Threshold = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help="Only the first N conversations."),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", metavar="OUT", help="Write what was said and found, JSON."),
    ] = None,
    json: Json = None,
) -> None:
    """Errors of a recogniser, in words, or in phones where it writes phones.

    error_percent joins what each person says and has the outputs in their best order (cpWER);
    channel_error_percent leaves open who speaks (ORC-WER). With enrolments person_error_percent
    holds each output to its person, and silence is asked for of somebody absent. With --attributed
    it holds each output to the person whose name the speaker embedding gives it; named_share of
    them have the right one.

    Example: joint evaluate recognition --checkpoint exp/recognition/simo --data data/test
    --conversations CORPUS/test/mix2_recognition.csv
    """
    from joint.app.measuring_recognition import run_recognition
    from joint.data.corpus import Corpus

    decoding = (beam, language_model, lexicon, order, weight, bonus, ctc_weight)
    figures, heard = run_recognition(
        open_model(checkpoint),
        Corpus.load(data),
        conversations,
        mode,
        task,
        decoding,
        limit,
        attributed,
        threshold,
    )
    print_figures(figures)
    if transcripts:
        write_json(transcripts, heard)
    if json:
        write_json(json, figures)
