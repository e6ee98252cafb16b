"""`joint verify`: whether one speaker talks in both of two recordings."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, Json, check_threshold, open_model
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
) -> None:
    """Print the verification score of two recordings, the decision (same or different speaker), and
    the probability of one speaker.

    The score is the cosine of the two embeddings, from -1 to 1. A decision needs a threshold, the
    checkpoint's or `--threshold`; a probability needs a calibrated checkpoint and assumes that same
    and different are equally likely beforehand. Audio may have any sample rate and any number of
    channels.

    Example: joint verify a.wav b.wav --threshold 0.5
    """
    from joint.audio import read_audio

    check_threshold(threshold)
    recordings = [read_audio(first), read_audio(second)]
    result = open_model(checkpoint, tasks=()).verify(*recordings)
    least = result.threshold if threshold is None else threshold
    same = None if least is None else result.score >= least
    if least is None:
        print(f"score {result.score:.4f} (the checkpoint has no threshold: give --threshold)")
    else:
        answer = "same" if same else "different"
        chance = "" if result.probability is None else f", probability {result.probability:.3f}"
        print(f"score {result.score:.4f} {answer}{chance} (threshold {least:.4f})")
    if json:
        figures = {
            "score": result.score,
            "same": same,
            "probability": result.probability,
            "threshold": least,
        }
        write_json(json, figures)
