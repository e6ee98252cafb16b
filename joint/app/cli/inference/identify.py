"""`joint identify`: which enrolled speaker talks in a recording."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Database,
    Engine,
    Json,
    Threshold,
    check_threshold,
)
from joint.app.shared.wording import candidate_text, identification_text
from joint.files import write_json


def identify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording of one speaker, >= 0.3 s.")
    ],
    database: Database,
    checkpoint: Checkpoint = SHIPPED,
    threshold: Threshold = None,
    top: Annotated[
        int, typer.Option("--top", metavar="N", min=1, help="List the N best matches.")
    ] = 1,
    json: Json = None,
    engine: Engine = "auto",
) -> None:
    """Print the enrolled speaker who talks in a recording, or `unknown speaker` where the best
    score is below the threshold.

    The score of an enrolled speaker is the mean cosine of the recording's embedding with those of
    the speaker's recordings. The probability is that of one speaker against two; it is withheld
    where the checkpoint cannot judge the recording or the enrolment, as in `joint verify`, and
    without speech there is no speaker. False matches become more frequent as more speakers are
    enrolled: raise the threshold for a large database. CHECKPOINT may also be an encoder that
    `joint export` wrote.

    Example: joint identify recording.wav --database speakers --top 3
    """
    from joint.app.engine.choosing import open_encoder
    from joint.inspection.reading import inspect_recording
    from tasks.verification.enrolment.files import read_database

    check_threshold(threshold)
    read_database(database)
    recording = inspect_recording(file)
    model = open_encoder(checkpoint, engine)
    found = model.identify(recording, read_database(database, model.identity), threshold)
    calibrated = model.calibration is not None
    print(identification_text(found, calibrated))
    if top > 1:
        for place, match in enumerate(found.candidates[:top], start=1):
            print(f"{place:>3}  {match.name}: {candidate_text(match, calibrated)}")
    if json:
        figures = {
            "speaker": found.speaker,
            "best_match": found.best.name,
            "score": found.best.score,
            "probability": found.best.probability,
            "withheld": found.best.withheld,
            "threshold": found.threshold,
            "scores": {match.name: match.score for match in found.candidates[:top]},
        }
        write_json(json, figures)
