"""`joint extract`: one person's voice out of a mixture."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Checkpoint, open_model


def extract(
    checkpoint: Checkpoint,
    mixture: Annotated[
        Path, typer.Option("--mixture", metavar="M.wav", help="Several people at once.")
    ],
    enrollment: Annotated[
        Path,
        typer.Option(
            "--enrollment", metavar="E.wav", help="The wanted person alone, a few seconds."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="O.wav", help="Where the voice goes: 16 kHz WAV.")
    ],
) -> None:
    """Write the voice of the enrolled person, as it is in the mixture.

    Audio of any sample rate and channel count is accepted, from 0.3 s on.

    Example: joint extract --checkpoint speechocean762-joint --mixture party.wav
    --enrollment anna.wav --output anna_alone.wav
    """
    from joint.audio import read_audio, write_audio

    recordings = [read_audio(mixture), read_audio(enrollment)]
    write_audio(output, open_model(checkpoint).extract(*recordings))
    print(output)
