"""`joint verify`: whether one speaker talks in both of two recordings."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Engine,
    Json,
    check_threshold,
)
from joint.app.shared.wording import verification_text
from joint.files import write_json


def verify(
    first: Annotated[
        Path, typer.Argument(metavar="A.wav", help="A recording of one speaker, >= 0.3 s.")
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B.wav", help="The recording to compare it with.")
    ],
    checkpoint: Checkpoint = SHIPPED,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="COSINE",
            help="Lowest score, from -1 to 1, that counts as the same speaker; by default the "
            "checkpoint's threshold.",
        ),
    ] = None,
    json: Json = None,
    engine: Engine = "auto",
) -> None:
    """Print the verification score of two recordings, the decision (same or different speaker), and
    the probability of one speaker.

    The score is the cosine of the two embeddings, from -1 to 1. A decision needs a threshold, the
    checkpoint's or `--threshold`; a probability needs a calibrated checkpoint and assumes that same
    and different are equally likely beforehand. A recording that the checkpoint cannot judge
    (narrow band, clipped, digital silence, little speech) gives a warning and no probability, one
    without speech no decision either. Audio may have any sample rate and any number of channels.
    CHECKPOINT may also be an encoder that `joint export` wrote.

    Example: joint verify a.wav b.wav --threshold 0.5
    """
    from joint.app.engine.choosing import open_encoder
    from joint.inspection.reading import inspect_recording

    check_threshold(threshold)
    one, other = inspect_recording(first), inspect_recording(second)
    model = open_encoder(checkpoint, engine)
    result = model.verify(one, other, threshold)
    print(verification_text(result, model.calibration is not None))
    if json:
        figures = {
            "score": result.score,
            "same": result.same,
            "probability": result.probability,
            "withheld": result.withheld,
            "threshold": result.threshold,
        }
        write_json(json, figures)
