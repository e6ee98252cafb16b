"""`joint transcribe`: the words of each speaker in a recording."""

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
    CtcWeight,
    LanguageModel,
    Lexicon,
    Mode,
    Order,
    TaskName,
    Weight,
    decoding_of,
)
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    Json,
    KnownSpeakers,
    Picture,
    Threshold,
    check_threshold,
    open_model,
)
from joint.data.choices import Pipeline
from joint.errors import ConfigError, DataError
from joint.files import readable, write_json
from joint.terminal import warn

if TYPE_CHECKING:
    import numpy as np

    from joint.app.api import SpeakerModel
    from tasks.recognition.decoding.best_path import Decoding
    from tasks.verification.enrolment.database import SpeakerDatabase


def transcribe(
    audio: Annotated[
        Path, typer.Argument(metavar="FILE", help="A recording of one or several speakers.")
    ],
    checkpoint: Checkpoint = SHIPPED,
    enrollment: Annotated[
        list[Path] | None,
        typer.Option(
            "--enrollment",
            metavar="E.wav",
            help="A recording in which only one known speaker talks; may be repeated. The file "
            "name without its ending is the speaker's name.",
        ),
    ] = None,
    database: KnownSpeakers = None,
    threshold: Threshold = None,
    pipeline: Annotated[
        Pipeline | None,
        typer.Option(
            "--pipeline",
            metavar="clustering|overlap|powerset|ts-vad",
            help="The diarization pipeline that tells who talks when, see `joint diarize`; by "
            "default clustering, in recordings longer than 20 s.",
        ),
    ] = None,
    separate: Annotated[
        bool,
        typer.Option(
            "--separate",
            help="Turn by turn: where a --pipeline finds several at once, each is extracted, "
            "enrolled by what they say alone, before a recogniser of mode `single` transcribes "
            "them. The checkpoint needs a task `extraction`.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write the speaker turns with their words; the ending decides the format: .json "
            "(SegLST), .stm, or .rttm, which holds no words.",
        ),
    ] = None,
    picture: Picture = None,
    mode: Mode = None,
    task: TaskName = None,
    beam: Beam = None,
    language_model: LanguageModel = None,
    lexicon: Lexicon = None,
    order: Order = ORDER,
    weight: Weight = WEIGHT,
    bonus: Bonus = BONUS,
    ctc_weight: CtcWeight = None,
    json: Json = None,
) -> None:
    """Print the words of each speaker in a recording, one line for each speaker or turn.

    A recogniser of mode `target` transcribes each enrolled speaker in turn; enrolled speakers
    without words are left out when they come from a database. A recogniser of mode `single`, `simo`
    or `siso` transcribes everybody: with --enrollment, --database, --output or --picture it prints
    turns with their start and end in seconds, and a speaker whose score against an enrolled one
    reaches the threshold gets that name. In recordings longer than 20 s a word has the speaker that
    diarization finds then; hours are worked on in windows. With --pipeline a recogniser of mode
    `target` follows the speakers who are found, and with --separate one of mode `single`
    transcribes what is extracted of each. Turns need times, and thus greedy decoding (no --beam).

    Example: joint transcribe meeting.wav --checkpoint exp/recognition/simo --database speakers
    --output meeting.json
    """
    from joint.audio import read_audio
    from joint.conversation.timeline import check_picture, draw_timeline
    from joint.conversation.turns import format_of, write_turns
    from tasks.recognition.select import follows_people, recogniser
    from tasks.verification.enrolment.files import read_database

    if enrollment and database:
        raise ConfigError("--enrollment, --database", "both", "one of them")
    check_threshold(threshold)
    if output:
        format_of(output)
    if picture:
        check_picture(picture)
    recording = read_audio(audio)
    known = {readable(path.stem): read_audio(path) for path in enrollment or []}
    if len(known) < len(enrollment or []):
        raise DataError("--enrollment", "two files of the same name", "a different name for each")
    if database is not None:
        read_database(database)
    if separate and pipeline in (None, Pipeline.CLUSTERING):
        expected = "--pipeline overlap, powerset or ts-vad: by clustering nobody overlaps"
        raise ConfigError("--separate", f"--pipeline {pipeline or 'clustering'}", expected)
    model = open_model(checkpoint)
    if separate:
        model.check_extractor()
    alone = database is not None and pipeline is None and mode is None and task is None
    if alone and follows_people(model.model):
        mode = "target"
    name, head = recogniser(model.model, model.path, mode, task)
    decoding = decoding_of(head, beam, language_model, lexicon, order, weight, bonus, ctc_weight)
    speakers = None if database is None else read_database(database, model.identity)
    follows = "enrollment" in head.requires and pipeline is None
    names_speakers = bool(known or speakers) and not follows
    # with turns it also tells unknown speakers apart, where the checkpoint has no threshold
    if threshold is not None and not (names_speakers or output or picture):
        expected = "enrolled speakers, and a recogniser of mode single, simo or siso"
        raise ConfigError("--threshold", "no speakers to name", expected)
    if pipeline is not None and not (names_speakers or output or picture):
        expected = "--output, --picture or enrolled speakers, and mode single, simo or siso"
        raise ConfigError("--pipeline", "no turns to find", expected)
    if not (names_speakers or output or picture):
        lines = _by_output(model, recording, known, speakers, name, decoding)
    else:
        for given, option in ((beam, "--beam"), (ctc_weight, "--ctc-weight")):
            if given is not None:
                raise ConfigError(option, *NO_TIMES)
        enrolled = None if speakers is None else speakers.embeddings()
        if known:
            enrolled = {who: model.embed([waveform]) for who, waveform in known.items()}
        extract = model.estimate if separate else None
        turns = model.attribute(recording, enrolled, threshold, None, name, pipeline, extract)
        if not turns:
            warn(f"{audio}: no words found")
        if output:
            write_turns(output, {readable(audio.stem): turns})
        if picture:
            draw_timeline(picture, {readable(audio.stem): turns})
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
    speakers: "SpeakerDatabase | None",
    task: str,
    decoding: "Decoding | None",
) -> dict[str, str]:
    """Print one line for each output of the recogniser, and return the lines by name."""
    from joint.app.api import Recording
    from joint.task import Enrollment

    means = {} if speakers is None else speakers.mean_embeddings()
    kept = [Enrollment.kept(mean) for mean in means.values()]
    enrollments: list[Recording | Enrollment] = [*known.values(), *kept]
    words = model.transcribe(recording, enrollments, None, task, decoding)
    names = [*known, *means] or [f"speaker{place}" for place in range(1, len(words) + 1)]
    pairs = zip(names, map(" ".join, words), strict=True)
    lines = {who: text for who, text in pairs if text or speakers is None}
    for who, text in lines.items():
        print(f"{who}: {text}")
    return lines
