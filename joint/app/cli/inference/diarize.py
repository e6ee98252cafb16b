"""`joint diarize`: who speaks when?"""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import Checkpoint, Threshold, check_threshold, open_model
from joint.errors import CheckpointError, DataError
from joint.terminal import warn


def diarize(
    files: Annotated[
        list[Path], typer.Argument(metavar="AUDIO…", help="Recordings of several people.")
    ],
    checkpoint: Checkpoint,
    output: Annotated[
        Path,
        typer.Option("--output", metavar="OUT", help="The turns: .rttm, .json (SegLST) or .stm."),
    ],
    speakers: Annotated[
        int | None,
        typer.Option(
            "--speakers", metavar="N", min=1, help="How many people, where that is known."
        ),
    ] = None,
    book: Annotated[
        Path | None,
        typer.Option("--book", metavar="B", help="A voice book: its people are named."),
    ] = None,
    threshold: Threshold = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="P", help="Draw the turns too: .svg or .png."),
    ] = None,
) -> None:
    """Find who speaks when in recordings of several people, and write the turns.

    Speech is found by silero-vad, windows of it are embedded and clustered. One person speaks at a
    time: where two overlap, one of them is missed. Without a voice book people are speaker1,
    speaker2 … of each recording; with one, those whose score reaches the threshold have their
    name.

    Example: joint diarize meeting.wav --checkpoint speechocean762-joint --output meeting.rttm
    --picture meeting.svg
    """
    from joint.audio import inspect_audio, read_audio
    from joint.conversation.timeline import check_picture, draw_timeline, speakers_of
    from joint.conversation.turns import Turn, format_of, write_turns
    from tasks.diarization.inference import Diarizer
    from tasks.diarization.segments import SileroSpeech
    from tasks.verification.enrolment.files import read_book

    format_of(output)
    if picture is not None:
        check_picture(picture)
    check_threshold(threshold)
    if len({file.stem for file in files}) < len(files):
        raise DataError("AUDIO", "two files of one name", "names that tell recordings apart")
    if book is not None:
        read_book(book)
    for file in files:  # said now, not after an hour's work on the others
        inspect_audio(file, whole=False)
    find_speech, model = SileroSpeech(), open_model(checkpoint, tasks=())
    least = model.threshold if threshold is None else threshold
    enrolled = None
    if book is not None:
        if least is None:
            raise CheckpointError(model.path, "no threshold", "one, or --threshold T")
        enrolled = read_book(book, model.identity).embeddings()
    diarizer = Diarizer(model.embed)
    sessions: dict[str, list[Turn]] = {}
    for file in files:
        waveform = read_audio(file)
        turns = diarizer(
            waveform, find_speech(waveform), speakers, enrolled, least or 0.0, progress=True
        )
        if not turns:
            warn(f"{file}: no speech found")
        sessions[file.stem] = turns
    write_turns(output, sessions)
    for name, turns in sessions.items():
        seconds = {
            who: sum(t.end - t.start for t in turns if t.speaker == who) / model.sample_rate
            for who in speakers_of(turns)
        }
        listed = ", ".join(f"{who} {length:.1f} s" for who, length in seconds.items())
        print(f"{name}: {len(turns)} turns ({listed})" if turns else f"{name}: no turns")
    if picture is not None:
        draw_timeline(picture, sessions)
