"""`joint diarize`: who speaks when."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    ClusterThreshold,
    KnownSpeakers,
    Picture,
    Threshold,
    check_threshold,
    open_model,
)
from joint.app.cli.pipeline import ClusteringOption, PipelineOption, WindowsOption
from joint.app.shared.wording import turns_text
from joint.data.choices import Clustering, Pipeline
from joint.errors import DataError
from joint.files import readable


def diarize(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="Recordings of several speakers.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="FILE",
            help="The speaker turns; the ending decides the format: .rttm, .json (SegLST) or .stm.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    speakers: Annotated[
        int | None,
        typer.Option(
            "--speakers",
            metavar="N",
            min=1,
            help="The number of speakers in each recording; by default it is estimated.",
        ),
    ] = None,
    database: KnownSpeakers = None,
    threshold: Threshold = None,
    cluster_threshold: ClusterThreshold = None,
    clustering: ClusteringOption = Clustering.SPECTRAL,
    cohort: WindowsOption = None,
    pipeline: PipelineOption = Pipeline.CLUSTERING,
    picture: Picture = None,
) -> None:
    """Find who speaks when in recordings of several speakers, and write the speaker turns.

    silero-vad detects speech; embeddings of its windows are clustered into speakers. The number of
    speakers is estimated where the checkpoint has a diarization threshold, else give --speakers or
    --cluster-threshold. Time and memory grow in proportion to the length. Each moment
    belongs to one speaker, and in overlapped speech the other speakers are missed, unless another
    --pipeline finds them, for which the checkpoint needs a head. Speakers are called speaker1,
    speaker2 and so on in each recording; with --database, a speaker whose score against an enrolled
    one reaches the threshold gets that name. A recording of narrow band, or with strong
    distortion or no speech, gives a warning.

    Example: joint diarize meeting.wav --output meeting.rttm --picture meeting.svg
    """
    from joint.app.shared.pipelines import PipelineChoice
    from joint.audio import inspect_audio
    from joint.conversation.timeline import check_picture, draw_timeline
    from joint.conversation.turns import Turn, format_of, write_turns
    from joint.inspection.reading import inspect_recording
    from tasks.verification.enrolment.files import read_database

    format_of(output)
    if picture is not None:
        check_picture(picture)
    check_threshold(threshold)
    choice = PipelineChoice(pipeline, clustering, cluster_threshold, cohort)
    names = [readable(file.stem) for file in files]
    if len(set(names)) < len(names):
        raise DataError("FILES", "two files of the same name", "a different name for each")
    if database is not None:
        read_database(database)
    for file in files:  # errors show now, not after an hour's work on the others
        inspect_audio(file, whole=False)
    model = open_model(checkpoint, tasks=choice.tasks)
    diarizer = model.diarizer(choice, speakers is not None, progress=True)
    enrolled = None
    if database is not None:
        enrolled = read_database(database, model.identity).embeddings()
    sessions: dict[str, list[Turn]] = {}
    for name, file in zip(names, files, strict=True):
        recording = inspect_recording(file, progress=True)
        sessions[name] = model.diarize(
            recording, speakers, enrolled, threshold, diarizer, progress=True
        )
    write_turns(output, sessions)
    for name, turns in sessions.items():
        print(f"{name}: {turns_text(turns)}")
    if picture is not None:
        draw_timeline(picture, sessions)
