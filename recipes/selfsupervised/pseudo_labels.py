"""Clusters of embeddings as speakers: the second stage of training without labels.

    python -m recipes.selfsupervised.pseudo_labels data/librispeech/train exp/pseudo/train
        --checkpoint exp/selfsupervised/simclr --clusters 200

writes the manifests of a prepared folder with the names of clusters in place of its speakers'. The
utterances are put into k-means clusters, three for each that is wanted, whose centres are then
joined by average linkage of cosines (after Thienpondt et al., "The IDLab VoxCeleb speaker
recognition challenge 2020 system", and Tao et al., ICASSP 2022). Where the folder knows its
speakers, the agreement of both is printed; nothing else reads them.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from lhotse import SupervisionSet

from joint import load
from joint.data.corpus import SUPERVISIONS
from joint.data.opening import open_corpus
from joint.data.prepare.subset import refuse_prepared, write_subset
from joint.directions import unit
from joint.errors import DataError
from joint.terminal import errors_in_one_line
from tasks.verification.embedding import embed_corpus

FINER = 3
"""Clusters of the first pass for each of the last."""


def check_clusters(clusters: int, recordings: int) -> None:
    """Raise DataError for fewer than two clusters, or more than there are recordings."""
    if not 1 < clusters <= recordings:
        raise DataError("--clusters", str(clusters), f"2 to the {recordings} recordings")


def clustered(embeddings: np.ndarray, clusters: int, seed: int = 0) -> np.ndarray:
    """The cluster of each of `embeddings (n, E)`, `(n,)`, by cosines; the same for the same seed.

    Raises DataError for fewer than two clusters, and for fewer embeddings than clusters.
    """
    from sklearn.cluster import AgglomerativeClustering, KMeans

    check_clusters(clusters, len(embeddings))
    points = unit(embeddings.astype(np.float64))
    finer = KMeans(min(FINER * clusters, len(points)), n_init=3, random_state=seed).fit(points)
    centres = unit(finer.cluster_centers_)
    joined = AgglomerativeClustering(clusters, metric="cosine", linkage="average")
    found: np.ndarray = joined.fit_predict(centres)[finer.labels_]
    return found


def relabel(folder: Path, speakers: Mapping[str, str], output: Path) -> Path:
    """Write the utterances of a prepared folder that `speakers` names, with these speakers."""
    write_subset(folder, speakers, output)
    changed = []
    for supervision in SupervisionSet.from_jsonl_lazy(output / SUPERVISIONS):
        supervision.speaker = speakers[supervision.id]
        changed.append(supervision)
    SupervisionSet.from_segments(changed).to_file(output / SUPERVISIONS)
    return output


def pseudo_labels(folder: Path, output: Path, checkpoint: str, clusters: int) -> str:
    """Cluster a folder's utterances and write them under their clusters' names; gives a line about
    it. Raises DataError, CheckpointError."""
    from sklearn.metrics import normalized_mutual_info_score

    corpus = open_corpus(folder)
    refuse_prepared(output)
    check_clusters(clusters, len(corpus))
    embedded = embed_corpus(load(checkpoint, tasks=()).embed, corpus, progress=True)
    found = clustered(embedded.embeddings, clusters)
    width = len(str(clusters - 1))
    names = [f"cluster{number:0{width}d}" for number in found]
    relabel(folder, dict(zip(embedded.names, names, strict=True)), output)
    known = [corpus.by_id[name].speaker for name in embedded.names]
    agreement = normalized_mutual_info_score(known, names)
    return (
        f"{output}: {len(names)} utterances in {len(set(names))} clusters; normalised mutual "
        f"information with the {len(set(known))} speakers of {folder}: {agreement:.3f}"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="that `joint prepare` wrote")
    parser.add_argument("output", type=Path)
    parser.add_argument("--checkpoint", required=True, help="whose embeddings are clustered")
    parser.add_argument("--clusters", type=int, required=True, help="about as many as speakers")
    given = parser.parse_args()
    print(pseudo_labels(given.folder, given.output, given.checkpoint, given.clusters))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
