"""The options that choose a clustering of windows."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from joint.data.choices import Clustering, Pipeline
from joint.errors import ConfigError

if TYPE_CHECKING:
    from joint.app.api import SpeakerModel
    from joint.conversation.clustering import Cluster

ClusteringOption: TypeAlias = Annotated[
    Clustering,
    typer.Option(
        "--clustering",
        metavar="spectral|vbx",
        help="How windows become speakers: by spectral clustering, or by VBx, whose model of "
        "speakers is fitted on --cohort.",
    ),
]
WindowsOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--cohort",
        metavar="DATA",
        help="A corpus of labelled speakers, such as the training part, for --clustering vbx: 24 "
        "windows of each are embedded first.",
    ),
]
PipelineOption: TypeAlias = Annotated[
    Pipeline,
    typer.Option(
        "--pipeline",
        metavar="clustering|ts-vad",
        help="How turns are found: by clustering, one speaker at each moment; or with "
        "target-speaker voice activity detection as a second pass, which looks for clustering's "
        "speakers again and finds overlap, where the checkpoint has a task `activity`.",
    ),
]


def tasks_of(pipeline: Pipeline) -> tuple[str, ...]:
    """Names of the tasks that a pipeline needs."""
    return ("activity",) if pipeline is Pipeline.TS_VAD else ()


def check_clustering(clustering: Clustering, cohort: Path | None) -> None:
    """Raises ConfigError where one is given without the other."""
    if clustering is Clustering.VBX and cohort is None:
        raise ConfigError("--clustering vbx", "no speakers to learn from", "--cohort DATA too")
    if clustering is not Clustering.VBX and cohort is not None:
        raise ConfigError("--cohort", f"--clustering {clustering.value}", "--clustering vbx")


def chosen_clustering(
    cohort: Path | None, model: "SpeakerModel", threshold: float | None
) -> "Cluster | None":
    """VBx where there is a cohort to fit it on, else None. Raises CheckpointError where it has no
    threshold to begin from, and DataError for another folder."""
    if cohort is None:
        return None
    from joint.data.opening import open_corpus

    return model.vbx(open_corpus(cohort), threshold, progress=True)
