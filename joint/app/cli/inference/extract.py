"""`joint extract`: the speech of one speaker from a mixture."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, open_model


def extract(
    mixture: Annotated[
        Path,
        typer.Option(
            "--mixture", metavar="M.wav", help="A recording in which several speakers talk."
        ),
    ],
    enrollment: Annotated[
        Path,
        typer.Option(
            "--enrollment",
            metavar="E.wav",
            help="A recording in which only the target speaker talks, with >= 0.5 s of speech; a "
            "few seconds are better.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", metavar="O.wav", help="The extracted speech, a 16 kHz WAV file."),
    ],
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Extract the target speaker's speech from a mixture and write it to a file.

    The output is as long as the mixture. A warning says where the target speaker is not present in
    the mixture, as far as the checkpoint can tell; an enrolment without speech is refused. Audio
    may have any sample rate and any number of channels.

    Example: joint extract --mixture meeting.wav --enrollment anna.wav --output anna_only.wav
    """
    from joint.audio import write_audio
    from joint.inspection.domain import EXTRACTION_SPEECH, refuse_enrolment
    from joint.inspection.reading import inspect_recording

    recordings = inspect_recording(mixture), inspect_recording(enrollment)
    refuse_enrolment(recordings[1], EXTRACTION_SPEECH)  # before the model is loaded
    write_audio(output, open_model(checkpoint).extract(*recordings))
    print(output)
