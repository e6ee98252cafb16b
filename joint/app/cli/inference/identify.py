"""`joint identify`: which enrolled speaker talks in a recording."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Database,
    Json,
    Threshold,
    check_threshold,
    open_model,
)
from joint.errors import CheckpointError
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
) -> None:
    """Print the enrolled speaker who talks in a recording, or `unknown speaker` where the best
    score is below the threshold.

    The score of an enrolled speaker is the mean cosine of the recording's embedding with those of
    the speaker's recordings. The probability is that of one speaker against two, as in
    `joint verify`. False matches become more frequent as more speakers are enrolled: raise the
    threshold for a large database.

    Example: joint identify recording.wav --database speakers --top 3
    """
    from joint.audio import read_audio
    from tasks.verification.enrolment.files import read_database

    check_threshold(threshold)
    read_database(database)
    recording = read_audio(file)
    model = open_model(checkpoint, tasks=())
    least = model.threshold if threshold is None else threshold
    if least is None:
        raise CheckpointError(model.path, "no threshold", "one, or --threshold COSINE")
    ranked = read_database(database, model.identity).rank(model.embed([recording])[0])[:top]
    best = ranked[0]
    known = best.score >= least

    def shown(score: float) -> str:
        chance = model.probability(score)
        return f"score {score:.4f}" + ("" if chance is None else f", probability {chance:.3f}")

    answer = best.name if known else f"unknown speaker, best match {best.name}"
    print(f"{answer}: {shown(best.score)} (threshold {least:.4f})")
    if top > 1:
        for place, match in enumerate(ranked, start=1):
            print(f"{place:>3}  {match.name}: {shown(match.score)}")
    if json:
        figures = {
            "speaker": best.name if known else None,
            "best_match": best.name,
            "score": best.score,
            "probability": model.probability(best.score),
            "threshold": least,
            "scores": {match.name: match.score for match in ranked},
        }
        write_json(json, figures)
