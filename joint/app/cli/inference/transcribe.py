"""`joint transcribe`: what is said, by whom."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.inference.decoding import (
    BONUS,
    NO_TIMES,
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
from joint.app.cli.options import Checkpoint, Json, Threshold, check_threshold, open_model
from joint.errors import ConfigError, DataError
from joint.files import write_json
from joint.terminal import warn

if TYPE_CHECKING:
    import numpy as np

    from joint.app.api import SpeakerModel
    from tasks.recognition.decoding.search import Decoding
    from tasks.verification.enrolment.database import VoiceBook


def transcribe(
    audio: Annotated[Path, typer.Argument(metavar="AUDIO", help="One person, or several at once.")],
    checkpoint: Checkpoint,
    enrollment: Annotated[
        list[Path] | None,
        typer.Option("--enrollment", metavar="E", help="A known person alone; may be repeated."),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option("--book", metavar="B", help="Known people: all of a voice book instead."),
    ] = None,
    threshold: Threshold = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="OUT",
            help="Write who says what when: .json (SegLST) or .stm; .rttm has no words.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="P", help="Draw who says what when: .svg or .png."),
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
    """Print what is said, a line a person: known people by name, others as voice 1, 2, ….

    A recogniser of mode `target` follows each known person and is silent where they are; with a
    book people of whom nothing is heard are left out. One of mode `single`, `simo` or `siso` hears
    everybody. Where people are known, or --output or --picture is given, its lines are turns with
    their times in seconds, and a voice has the name of the nearest person whose score reaches the
    threshold. Times are those of the likeliest path: a search (--beam) has none.

    Example: joint transcribe meeting.wav --book voices --checkpoint exp/recognition/simo --output
    meeting.json --picture meeting.svg
    """
    from joint.audio import read_audio
    from joint.conversation.timeline import check_picture, draw_timeline
    from joint.conversation.turns import format_of, write_turns
    from tasks.recognition.select import follows_people, recogniser
    from tasks.verification.enrolment.files import read_book

    if enrollment and book:
        raise ConfigError("--enrollment, --book", "both", "one of them")
    check_threshold(threshold)
    if output:
        format_of(output)
    if picture:
        check_picture(picture)
    recording = read_audio(audio)
    known = {path.stem: read_audio(path) for path in enrollment or []}
    if len(known) < len(enrollment or []):
        raise DataError("--enrollment", "two files of one name", "names that tell people apart")
    if book is not None:
        read_book(book)
    model = open_model(checkpoint)
    if book is not None and mode is None and task is None and follows_people(model.model):
        mode = "target"
    name, head = recogniser(model.model, model.path, mode, task)
    decoding = decoding_of(head, beam, language_model, lexicon, order, weight, bonus)
    people = None if book is None else read_book(book, model.identity)
    by_voice = bool(known or people) and "enrollment" not in head.requires
    if threshold is not None and not by_voice:
        expected = "known people, and a recogniser of mode single, simo or siso"
        raise ConfigError("--threshold", "no names to find", expected)
    if not (by_voice or output or picture):
        lines = _by_output(model, recording, known, people, name, decoding)
    else:
        if decoding is not None:
            raise ConfigError("--beam", *NO_TIMES)
        enrolled = None if people is None else people.embeddings()
        if known:
            enrolled = {who: model.embed([waveform]) for who, waveform in known.items()}
        turns = model.attribute(recording, enrolled, threshold, None, name)
        if not turns:
            warn(f"{audio}: no words found")
        if output:
            write_turns(output, {audio.stem: turns})
        if picture:
            draw_timeline(picture, {audio.stem: turns})
        lines = {}
        for turn in turns:
            start, end = turn.start / model.sample_rate, turn.end / model.sample_rate
            print(f"{start:7.2f} {end:7.2f}  {turn.speaker}: {turn.text}")
            lines[turn.speaker] = f"{lines.get(turn.speaker, '')} {turn.text}".strip()
    if json:
        write_json(json, lines)


def _by_output(
    model: "SpeakerModel",
    recording: "np.ndarray",
    known: "Mapping[str, np.ndarray]",
    people: "VoiceBook | None",
    task: str,
    decoding: "Decoding | None",
) -> dict[str, str]:
    """Print a line an output, and give them by name."""
    means = {} if people is None else people.means()
    voices = list(means.values())
    said = model.transcribe(recording, list(known.values()), voices, None, task, decoding)
    names = [*known, *means] or [f"voice {place}" for place in range(1, len(said) + 1)]
    pairs = zip(names, map(" ".join, said), strict=True)
    lines = {who: text for who, text in pairs if text or people is None}
    for who, text in lines.items():
        print(f"{who}: {text}")
    return lines
