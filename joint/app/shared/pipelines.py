"""How conversations are diarized, as a user chooses it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from joint.conversation.blockwise import linked
from joint.conversation.clustering import Cluster, clustered
from joint.conversation.density import require_umap, umap_hdbscan
from joint.data.choices import Clustering, Pipeline
from joint.errors import ConfigError

TASKS = {
    Pipeline.CLUSTERING: (),
    Pipeline.OVERLAP: ("segmentation",),
    Pipeline.POWERSET: ("segmentation",),
    Pipeline.TS_VAD: ("activity",),
}
"""Names of the tasks that each pipeline needs."""

WAYS: dict[Clustering, Callable[..., np.ndarray]] = {
    Clustering.SPECTRAL: clustered,
    Clustering.AGGLOMERATIVE: linked,
    Clustering.UMAP: umap_hdbscan,
}
"""The clusterings that need a threshold alone."""


@dataclass(frozen=True)
class PipelineChoice:
    """A pipeline, its clustering, the least mean cosine of one speaker's windows (None: the
    checkpoint's own), and a corpus of labelled speakers, which VBx learns from.

    Raises ConfigError for what is no cosine, and for VBx without a corpus or a corpus without it;
    DataError for UMAP without its package.
    """

    pipeline: Pipeline = Pipeline.CLUSTERING
    clustering: Clustering = Clustering.SPECTRAL
    cluster_threshold: float | None = None
    cohort: Path | None = None

    def __post_init__(self) -> None:
        threshold, clustering = self.cluster_threshold, self.clustering
        if threshold is not None and not -1.0 <= threshold <= 1.0:
            raise ConfigError("--cluster-threshold", str(threshold), "a cosine, -1 to 1")
        if clustering is Clustering.VBX and self.cohort is None:
            raise ConfigError("--clustering vbx", "no speakers to learn from", "--cohort DATA too")
        if clustering is not Clustering.VBX and self.cohort is not None:
            raise ConfigError("--cohort", f"--clustering {clustering.value}", "--clustering vbx")
        if clustering is Clustering.UMAP:
            require_umap()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that it needs."""
        return TASKS[self.pipeline]

    def cluster(self, threshold: float | None, progress: bool) -> Cluster:
        """The clustering, other than VBx, at the `threshold`."""
        return partial(WAYS[self.clustering], threshold=threshold, progress=progress)
