"""`joint transcribe`: what is said, by whom."""

from pathlib import Path
from typing import Annotated

import typer

from joint.cli.decoding import (
    BONUS,
    ORDER,
    WEIGHT,
    Beam,
    Bonus,
    LanguageModel,
    Lexicon,
    Mode,
    Order,
    TaskName,
    Weight,
    decoding_of,
)
from joint.cli.figures import write_json
from joint.cli.options import Checkpoint, Json, open_model
from joint.errors import ConfigError


def transcribe(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="One person, or several at once.")],
    checkpoint: Checkpoint,
    enrollment: Annotated[
        list[Path] | None,
        typer.Option(
            "--enrollment", metavar="E", help="Somebody alone, whom to follow; may be repeated."
        ),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option("--book", metavar="B", help="Follow everybody in a voice book instead."),
    ] = None,
    mode: Mode = None,
    task: TaskName = None,
    beam: Beam = None,
    language_model: LanguageModel = None,
    lexicon: Lexicon = None,
    order: Order = ORDER,
    weight: Weight = WEIGHT,
    bonus: Bonus = BONUS,
    json: Json = None,
) -> None:
    """Print what is said, a line a person: enrolled people by name, others as voice 1, 2, ….

    With enrolments a recogniser of mode `target` follows each person and is silent where they are;
    with a book people of whom nothing is heard are left out.

    Example: joint transcribe meeting.wav --enrollment anna.wav --checkpoint exp/recognition/target
    """
    from joint.audio import read_audio
    from tasks.recognition.select import recogniser
    from tasks.verification.voicebook_files import read_book

    if enrollment and book:
        raise ConfigError("--enrollment, --book", "both", "one of them")
    recording = read_audio(audio)
    enrolled = [read_audio(path) for path in enrollment or []]
    if book is not None:
        read_book(book)
    model = open_model(checkpoint)
    _, head = recogniser(model.model, model.path, mode or ("target" if book else None), task)
    decoding = decoding_of(head, beam, language_model, lexicon, order, weight, bonus)
    names = [path.stem for path in enrollment or []]
    if book is None:
        said = model.transcribe(recording, enrolled, (), mode, task, decoding)
    else:
        people = read_book(book, model.identity).means()
        names = list(people)
        said = model.transcribe(recording, (), list(people.values()), "target", task, decoding)
    lines = {
        name: " ".join(words)
        for name, words in zip(names or _voices(len(said)), said, strict=True)
        if words or book is None
    }
    for name, text in lines.items():
        print(f"{name}: {text}")
    if json:
        write_json(json, lines)


def _voices(count: int) -> list[str]:
    return [f"voice {place}" for place in range(1, count + 1)]
