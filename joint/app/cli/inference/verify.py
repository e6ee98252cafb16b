"""`joint verify`: did one person speak in both recordings?"""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Checkpoint, open_model


def verify(
    first: Annotated[Path, typer.Argument(metavar="A.wav", help="A recording of one person.")],
    second: Annotated[Path, typer.Argument(metavar="B.wav", help="Another recording.")],
    checkpoint: Checkpoint,
) -> None:
    """Print the score of two recordings, same or different where a threshold is stored, and the
    probability of one speaker where a calibration is.

    The score is the cosine of the two embeddings, from -1 to 1. The probability holds where same
    and different are as likely beforehand. Audio of any sample rate and
    channel count is accepted, from 0.3 s on.

    Example: joint verify --checkpoint speechocean762-joint a.wav b.wav
    """
    from joint.audio import read_audio

    recordings = [read_audio(first), read_audio(second)]
    result = open_model(checkpoint, tasks=()).verify(*recordings)
    if result.threshold is None:
        print(f"score {result.score:.4f} (the checkpoint stores no threshold)")
    else:
        answer = "same" if result.same else "different"
        chance = "" if result.probability is None else f", probability {result.probability:.3f}"
        print(f"score {result.score:.4f} {answer}{chance} (threshold {result.threshold:.4f})")
