"""`joint edit`: other words within a recording."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Seed,
    Steps,
    Temperature,
    TopP,
    VocoderName,
    open_model,
)
from joint.app.manner import check_manner
from joint.errors import DataError


def edit(
    recording: Annotated[
        Path, typer.Argument(metavar="RECORDING.wav", help="A recording of one English speaker.")
    ],
    text: Annotated[
        str, typer.Option("--text", metavar="TEXT", help="All words of the recording.")
    ],
    old: Annotated[
        str,
        typer.Option("--from", metavar="WORDS", help="The words to exchange, which TEXT has once."),
    ],
    new: Annotated[
        str, typer.Option("--to", metavar="WORDS", help="The words to speak in their place.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", metavar="O.wav", help="The edited speech, a 16 kHz WAV file."),
    ],
    rate: Annotated[
        float,
        typer.Option("--rate", metavar="FACTOR", help="Speed of the new words, 0.25 to 4."),
    ] = 1.0,
    steps: Steps = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = 0,
    vocoder: VocoderName = None,
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Exchange words within a recording, in the voice that speaks there, and write it to a file.

    The words are found by forced alignment (extra `phones`); the rest of the recording stays,
    sample by sample. It needs a checkpoint whose synthesis infills, see recipes/synthesis.
    Metadata of the file say that it is synthetic. Edit only recordings of people who agreed to it.

    Example: joint edit r.wav --text "We meet on Monday." --from Monday --to Friday --output o.wav
    --checkpoint exp/synthesis/voicebox
    """
    drawn = {"steps": steps, "temperature": temperature, "top_p": top_p, "seed": seed}
    check_manner(vocoder, "--", rate=rate, **drawn)
    from joint.inspection.reading import inspect_recording
    from joint.synthesis.finishing.marking import write_synthetic
    from joint.text.reading import read_aloud

    for option, words in (("--text", text), ("--from", old), ("--to", new)):
        if not words.strip():
            raise DataError(option, "no words", "words of English")
    read_aloud(new)
    spoken = inspect_recording(recording)
    model = open_model(checkpoint)
    edited = model.edit(spoken, text, old, new, rate, steps, vocoder, seed, temperature, top_p)
    write_synthetic(output, edited.waveform)
    print(output)
