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
from joint.app.cli.screen import (
    DetectorOption,
    PortraitsOption,
    TracksOption,
    VideoOption,
    check_screen,
)
from joint.app.shared.wording import turns_text
from joint.data.choices import Clustering, Pipeline
from joint.errors import DataError
from joint.files import readable, write_json
from joint.units import SAMPLE_RATE


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
    video: VideoOption = None,
    portraits: PortraitsOption = None,
    detector: DetectorOption = None,
    tracks: TracksOption = None,
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

    With --video, a line for each person on screen says which speaker that is, found by the name
    that the speaker database and --portraits agree on, else by when the person is seen and the
    mouth moves; and speakers who are off-screen are named. A speaker without a name takes that of
    the portraits.

    Example: joint diarize meeting.wav --output meeting.rttm --picture meeting.svg
    """
    from joint.app.shared.audiovisual import Watcher, screen_lines, screen_values
    from joint.app.shared.pipelines import PipelineChoice
    from joint.audio import inspect_audio
    from joint.conversation.timeline import check_picture, draw_timeline
    from joint.conversation.turns import Turn, format_of, write_turns
    from joint.inspection.reading import inspect_recording, inspect_waveform
    from tasks.audiovisual.video.reading import open_video
    from tasks.verification.enrolment.files import read_database

    format_of(output)
    if picture is not None:
        check_picture(picture)
    check_threshold(threshold)
    check_screen(
        video, files, {"--portraits": portraits, "--detector": detector, "--tracks": tracks}
    )
    choice = PipelineChoice(pipeline, clustering, cluster_threshold, cohort)
    names = [readable(file.stem) for file in files]
    if len(set(names)) < len(names):
        raise DataError("FILES", "two files of the same name", "a different name for each")
    if database is not None:
        read_database(database)
    watched = watcher = sound = screen = None
    if video is not None:
        watched, watcher = open_video(video), Watcher(detector)
        known = watcher.portraits(portraits)
        sound = watched.sound() if files == [video] else None
    for file in files if sound is None else ():  # errors show now, not after an hour's work
        inspect_audio(file, whole=False)
    model = open_model(checkpoint, tasks=choice.tasks)
    diarizer = model.diarizer(choice, speakers is not None, progress=True)
    enrolled = None
    if database is not None:
        enrolled = read_database(database, model.identity).embeddings()
    sessions: dict[str, list[Turn]] = {}
    for name, file in zip(names, files, strict=True):
        if sound is None:
            recording = inspect_recording(file, progress=True)
        else:
            recording = inspect_waveform(sound, str(file))
        sessions[name] = model.diarize(
            recording, speakers, enrolled, threshold, diarizer, progress=True
        )
    if watched is not None and watcher is not None:
        seconds = len(recording.waveform) / SAMPLE_RATE
        screen = watcher.link(watched, seconds, sessions[name], known, enrolled or ())
        sessions[name] = list(screen.turns)
    write_turns(output, sessions)
    for name, turns in sessions.items():
        print(f"{name}: {turns_text(turns)}")
    if screen is not None:
        for line in screen_lines(screen):
            print(line)
        if tracks is not None:
            write_json(tracks, screen_values(screen))
    if picture is not None:
        draw_timeline(picture, sessions)
