"""`joint convert`: a recording in the voice of another person."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.inference.person import Person, PersonDatabase, VoiceFile, VoiceName
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Seed,
    Steps,
    Temperature,
    VocoderName,
    VoiceRecording,
    open_model,
)
from joint.app.manner import check_curves, check_manner


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE.wav", help="A recording of one speaker to convert.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", metavar="O.wav", help="The converted speech, a 16 kHz WAV file."),
    ],
    enrollment: VoiceRecording = None,
    database: PersonDatabase = None,
    voice: VoiceFile = None,
    name: VoiceName = None,
    rate: Annotated[
        str,
        typer.Option(
            "--rate",
            metavar="CURVE",
            help="Speed, 0.25 to 4: a number, or a file with two columns, the seconds of the "
            "source and the speed there.",
        ),
    ] = "1",
    pitch: Annotated[
        str,
        typer.Option(
            "--pitch",
            metavar="CURVE",
            help="Semitones up or down, -24 to 24: a number, or a file with two columns, the "
            "seconds of the source and the semitones there.",
        ),
    ] = "0",
    steps: Steps = None,
    temperature: Temperature = None,
    seed: Seed = 0,
    vocoder: VocoderName = None,
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Convert a recording into the voice of an enrolled speaker, or a generated one, in a file.

    The words, their times and the melody are the source's, unless --rate and --pitch change them;
    the file's metadata says that it is synthetic. A warning says where the two voices are alike; an
    enrolment that is the source is refused. Convert only into voices of people who agreed to it.

    Example: joint convert source.wav --enrollment anna.wav --output converted.wav
    """
    check_manner(vocoder, "--", steps=steps, temperature=temperature, seed=seed)
    from joint.app.shared.enrolling import refuse_same
    from joint.app.speaking import TARGET_SPEAKER, THE_SOURCE
    from joint.inspection.domain import SYNTHESIS_SPEECH
    from joint.inspection.reading import inspect_recording
    from joint.synthesis.control.curves import Curve
    from joint.synthesis.finishing.marking import write_synthetic

    speed, melody = Curve.parsed(rate, "--rate"), Curve.parsed(pitch, "--pitch")
    check_curves("--", rate=speed, pitch=melody)
    spoken = inspect_recording(source)
    enrollments = [] if enrollment is None else [enrollment]
    person = Person.asked(enrollments, database, name, SYNTHESIS_SPEECH, voice, True)
    for enrolled in person.recordings:
        refuse_same(spoken, enrolled, THE_SOURCE, TARGET_SPEAKER)
    model = open_model(checkpoint)
    target = person.enrolled(model)
    waveform = model.convert(spoken, target, steps, vocoder, seed, speed, melody, temperature)
    write_synthetic(output, waveform)
    print(output)
