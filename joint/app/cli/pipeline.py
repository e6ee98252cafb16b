"""The options that choose a diarization pipeline and its clustering."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from joint.data.choices import Clustering, Pipeline

ClusteringOption: TypeAlias = Annotated[
    Clustering,
    typer.Option(
        "--clustering",
        metavar="spectral|agglomerative|umap|vbx",
        help="How windows become speakers: by spectral clustering; average linkage; UMAP and "
        "HDBSCAN; or VBx, whose model of speakers is fitted on --cohort.",
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
        metavar="clustering|overlap|powerset|ts-vad",
        help="How turns are found: by clustering windows, one speaker at each moment; with a "
        "second speaker where the checkpoint's task `segmentation` finds overlap; from that "
        "task's local speakers, stitched together, without another speech detection; or with "
        "target-speaker voice activity detection as a second pass, which looks for clustering's "
        "speakers again, where the checkpoint has a task `activity`.",
    ),
]
