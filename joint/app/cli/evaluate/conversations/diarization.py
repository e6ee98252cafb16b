"""`joint evaluate diarization`: error rates on annotated meetings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from joint.app.cli.evaluate.figures import print_figures
from joint.app.cli.options import (
    SHIPPED,
    Checkpoint,
    ClusterThreshold,
    Json,
    open_model,
)
from joint.app.cli.pipeline import ClusteringOption, PipelineOption, WindowsOption
from joint.data.choices import Clustering, Pipeline, Segments
from joint.errors import ConfigError
from joint.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.diarization.meetings import Meeting

REFERENCE = "reference"


def diarization(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="DIR",
            help="A folder with URI.wav and RTTM files, one a recording or one for all, and "
            "possibly UEM files; or a database.yml of pyannote.database.",
        ),
    ],
    checkpoint: Checkpoint = SHIPPED,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--list",
            metavar="FILE.lst",
            help="Evaluate the recordings of the folder that this file names, one a line; may be "
            "repeated. By default all that have turns or regions.",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            metavar="NAME",
            help="The protocol of a database.yml, such as AMI.SpeakerDiarization.only_words.",
        ),
    ] = None,
    subsets: Annotated[
        list[str] | None,
        typer.Option(
            "--subset",
            metavar="NAME",
            help="A subset of the protocol; may be repeated. By default test.",
        ),
    ] = None,
    collar: Annotated[
        float,
        typer.Option(
            "--collar",
            metavar="SECONDS",
            min=0.0,
            help="Leave out this much around each start and end of a reference turn, half of it on "
            "either side: md-eval's 0.25 is 0.5 here.",
        ),
    ] = 0.0,
    skip_overlap: Annotated[
        bool,
        typer.Option(
            "--skip-overlap", help="Leave out where several speakers of the reference talk."
        ),
    ] = False,
    speakers: Annotated[
        str | None,
        typer.Option(
            "--speakers",
            metavar="N|reference",
            help="The number of speakers in each recording, or that of the reference; by default "
            "it is estimated.",
        ),
    ] = None,
    segments: Annotated[
        Segments,
        typer.Option(
            "--segments",
            metavar="silero|reference",
            help="Where speech is: found by silero-vad, or where the reference has turns.",
        ),
    ] = Segments.SILERO,
    cluster_threshold: ClusterThreshold = None,
    clustering: ClusteringOption = Clustering.SPECTRAL,
    cohort: WindowsOption = None,
    pipeline: PipelineOption = Pipeline.CLUSTERING,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Also write the turns found; the ending decides the format: .rttm, .json (SegLST) "
            "or .stm.",
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Diarization and Jaccard error rates (DER, JER) of meetings with RTTM and UEM files.

    Recordings are diarized whole, as by `joint diarize`, and scored by pyannote.metrics: the DER is
    missed speech, false alarms and confusion in percent of the reference's speech. Overlapping
    turns of one speaker are merged, and what is beyond a recording's end is left out, with a
    warning.

    Example: joint evaluate diarization --data meetings --json der.json
    """
    from joint.app.shared.pipelines import PipelineChoice
    from joint.conversation.turns import format_of, write_turns
    from recipes.meetings.reading import read_meetings
    from tasks.diarization.meetings import evaluate_meetings

    if output is not None:
        format_of(output)
    choice = PipelineChoice(pipeline, clustering, cluster_threshold, cohort)
    count = _number(speakers)
    meetings = read_meetings(data, lists or (), protocol, subsets or ())
    model = open_model(checkpoint, tasks=choice.tasks)
    figures, found = evaluate_meetings(
        model.diarizer(choice, count is not None, progress=True),
        meetings,
        segments is Segments.REFERENCE,
        count,
        collar,
        skip_overlap,
        progress=True,
    )
    if output is not None:
        write_turns(output, found)
    print_figures(figures)
    if json:
        write_json(json, figures)


def _number(speakers: str | None) -> "int | Callable[[Meeting], int] | None":
    """The option `--speakers`: a number, or that of each meeting's reference."""
    if speakers is None:
        return None
    if speakers == REFERENCE:
        return lambda meeting: meeting.speakers
    if not speakers.isdecimal() or int(speakers) < 1:
        raise ConfigError("--speakers", repr(speakers), "a number from 1 on, or 'reference'")
    return int(speakers)
