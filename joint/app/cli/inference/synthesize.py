"""`joint synthesize`: a text in the voice of an enrolled speaker."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.checked import check_places
from joint.app.cli.inference.person import Person, PersonDatabase, VoiceFile, VoiceName
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Seed,
    Steps,
    Temperature,
    TopP,
    VocoderName,
    VoiceRecording,
    open_model,
)
from joint.app.manner import check_manner
from joint.errors import ConfigError, DataError, JointError
from joint.files import read_lines

if TYPE_CHECKING:
    from joint.text.reading import Sentence

STANDARD_INPUT = "-"
LONGEST = 1 << 20
"""Bytes of standard input that are read; fewer are too many already."""


def synthesize(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="O.wav",
            help="The speech, a 16 kHz WAV file; with --text-file a folder, in which 0001.wav is "
            "that of the first line.",
        ),
    ],
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="An English text, in quotation marks; - reads standard input. One that begins "
            "with a dash goes last, behind `--`.",
        ),
    ] = None,
    enrollment: VoiceRecording = None,
    database: PersonDatabase = None,
    voice: VoiceFile = None,
    name: VoiceName = None,
    text_file: Annotated[
        Path | None,
        typer.Option(
            "--text-file",
            metavar="FILE",
            help="In place of TEXT: a file with a text in each line; blank lines are left out.",
        ),
    ] = None,
    rate: Annotated[
        float,
        typer.Option("--rate", metavar="FACTOR", help="Speed, 0.25 to 4; 2 is twice as fast."),
    ] = 1.0,
    pitch: Annotated[
        float, typer.Option("--pitch", metavar="SEMITONES", help="Higher by so much, -24 to 24.")
    ] = 0.0,
    energy: Annotated[
        float, typer.Option("--energy", metavar="DB", help="Louder by so much, -24 to 24.")
    ] = 0.0,
    steps: Steps = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    seed: Seed = 0,
    vocoder: VocoderName = None,
    enrollment_text: Annotated[
        str | None,
        typer.Option(
            "--enrollment-text",
            metavar="TEXT",
            help="The words of the enrolment, for a checkpoint whose synthesis goes on from it, "
            "such as Voicebox.",
        ),
    ] = None,
    checkpoint: Checkpoint = SHIPPED,
) -> None:
    """Speak a text in the voice of an enrolled speaker, or in a generated voice, to a file.

    Long texts are spoken sentence by sentence. Metadata of each file say that it is synthetic. Use
    only voices of people who agreed to it.

    Example: joint synthesize "Good morning." --enrollment anna.wav --output morning.wav
    """
    drawn = {"steps": steps, "temperature": temperature, "top_p": top_p, "seed": seed}
    check_manner(vocoder, "--", rate=rate, pitch=pitch, energy=energy, **drawn)
    if text_file is not None and output.suffix.lower() == ".wav":
        raise JointError(output, "a WAV file", "a folder for the lines of --text-file")
    texts = _texts(text, text_file)
    places = [output]
    enrollments = [] if enrollment is None else [enrollment]
    if text_file is not None:
        places = [output / f"{number:04}.wav" for number in texts]
        check_places(places, [text_file, *enrollments])
    from joint.inspection.domain import SYNTHESIS_SPEECH
    from joint.synthesis.finishing.marking import write_synthetic

    asked = Person.asked(enrollments, database, name, SYNTHESIS_SPEECH, voice, True)
    model = open_model(checkpoint)
    person = asked.enrolled(model)
    for place, sentences in zip(places, texts.values(), strict=True):
        waveform = model.synthesize(
            *(sentences, person, rate, pitch, energy, steps, vocoder, seed),
            *(enrollment_text, temperature, top_p),
        )
        write_synthetic(place, waveform)
        print(place, flush=True)


def _texts(text: str | None, file: Path | None) -> "dict[int, list[Sentence]]":
    """The sentences to speak, by the number of their line; 0 where there is one text."""
    from joint.text.reading import read_aloud

    if (text is None) == (file is None):
        found = "neither" if text is None else "both"
        raise ConfigError("TEXT, --text-file", found, "one of them")
    if text is not None:
        return {0: read_aloud(_standard_input() if text == STANDARD_INPUT else text)}
    assert file is not None
    texts: dict[int, list[Sentence]] = {}
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            try:
                texts[number] = read_aloud(line)
            except DataError as error:
                raise DataError(f"{file}:{number}", error.found, error.expected) from None
    if not texts:
        raise DataError(file, "no text", "a text in each line")
    return texts


def _standard_input() -> str:
    if sys.stdin is None:  # `<&-`
        raise DataError("standard input", "nothing: it is closed", "a text")
    content = sys.stdin.buffer.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise DataError("standard input", f"more than {LONGEST} bytes", "a shorter text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError("standard input", "bytes that are not UTF-8", "a text") from None
