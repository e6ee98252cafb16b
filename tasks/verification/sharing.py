"""Embeddings of many recordings by all processes that `torchrun` started."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch.distributed as dist

from joint.errors import AudioError, JointError
from tasks.verification.embedding import Embed, EmbeddedFiles, embed_files


def embed_shared(
    embed: Embed, paths: Mapping[str, Path], progress: bool = False
) -> EmbeddedFiles | None:
    """As `embed_files`, each process taking its share; the first has the result, the others None.

    Without `torchrun` it is `embed_files`. The first process raises what went wrong in any.
    """
    if not dist.is_torchelastic_launched():
        return embed_files(embed, paths, progress=progress)
    dist.init_process_group("gloo")
    try:
        rank, count = dist.get_rank(), dist.get_world_size()
        share = {name: paths[name] for name in list(paths)[rank::count]}
        own = _outcome(embed, share, progress and rank == 0)
        gathered: list[EmbeddedFiles | JointError | None] = [None] * count
        dist.gather_object(own, gathered if rank == 0 else None)
    finally:
        dist.destroy_process_group()
    return merged(gathered, list(paths)) if rank == 0 else None


def _outcome(
    embed: Embed, share: Mapping[str, Path], progress: bool
) -> EmbeddedFiles | JointError | None:
    """What a process gives the first one: an error too, since raised here it would leave the others
    waiting."""
    try:
        return embed_files(embed, share, progress=progress) if share else None
    except JointError as error:
        return error


def merged(parts: list[EmbeddedFiles | JointError | None], names: list[str]) -> EmbeddedFiles:
    """One result in the order of `names`. Raises the first error among `parts`."""
    found: dict[str, tuple[np.ndarray, float]] = {}
    skipped: dict[str, AudioError] = {}
    for part in parts:
        if isinstance(part, JointError):
            raise part
        if part is not None:
            rows = zip(part.embeddings, part.seconds, strict=True)
            found |= dict(zip(part.names, rows, strict=True))
            skipped |= part.skipped
    kept = [name for name in names if name in found]
    return EmbeddedFiles(
        kept,
        np.stack([found[name][0] for name in kept]),
        np.array([found[name][1] for name in kept]),
        skipped,
    )
