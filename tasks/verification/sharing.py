"""Embeddings of many recordings, distributed over the processes of `torchrun` and over jobs."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from joint.errors import AudioError, ConfigError, JointError
from tasks.verification.embedding import (
    Embed,
    EmbeddedFiles,
    Recording,
    at_least_one,
    embed_files,
    embed_readable,
)


def share_of(recordings: Mapping[str, Recording], share: str | None) -> Mapping[str, Recording]:
    """The share `K/N` of `recordings`, every N-th from the K-th on; all of them for None.

    Raises ConfigError for anything but two numbers, 1 <= K <= N <= the number of recordings.
    """
    if share is None:
        return recordings
    first, _, count = share.partition("/")
    if not (first.isdecimal() and count.isdecimal()) or not (
        1 <= int(first) <= int(count) <= len(recordings)
    ):
        expected = f"K/N with 1 <= K <= N <= {len(recordings)}, the recordings"
        raise ConfigError("--share", share, expected)
    return {name: recordings[name] for name in list(recordings)[int(first) - 1 :: int(count)]}


def embed_shared(
    embed: Embed, recordings: Mapping[str, Recording], progress: bool = False
) -> EmbeddedFiles | None:
    """As `embed_files`, with every process embedding its share; the first process returns the
    result, all others None.

    Recordings that cannot be read are skipped and listed, whichever process meets them. Without
    `torchrun` it is `embed_files`. Other errors of any process are raised in the first one.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return embed_files(embed, recordings, progress=progress)
    import torch.distributed as dist  # here: an encoder may need no torch

    dist.init_process_group("gloo")
    try:
        rank, count = dist.get_rank(), dist.get_world_size()
        share = {name: recordings[name] for name in list(recordings)[rank::count]}
        own = _outcome(embed, share, progress and rank == 0)
        gathered: list[EmbeddedFiles | JointError | None] = [None] * count
        dist.gather_object(own, gathered if rank == 0 else None)
    finally:
        dist.destroy_process_group()
    if rank > 0:
        return None
    return merged([part for part in gathered if part is not None], list(recordings))


def _outcome(
    embed: Embed, share: Mapping[str, Recording], progress: bool
) -> EmbeddedFiles | JointError | None:
    """What a process sends to the first one: errors too, because a process that raised here would
    leave the others waiting."""
    try:
        return embed_readable(embed, share, progress=progress) if share else None
    except JointError as error:
        return error


def merged(parts: Sequence[EmbeddedFiles | JointError], names: Sequence[str]) -> EmbeddedFiles:
    """One result in the order of `names`, from the result or the error of each process.

    Raises the first error among `parts`, and DataError where no process could read a recording.
    """
    found: dict[str, tuple[np.ndarray, float]] = {}
    skipped: dict[str, AudioError] = {}
    for part in parts:
        if isinstance(part, JointError):
            raise part
        rows = zip(part.embeddings, part.seconds, strict=True)
        found |= dict(zip(part.names, rows, strict=True))
        skipped |= part.skipped
    kept = [name for name in names if name in found]
    return at_least_one(
        EmbeddedFiles(
            kept,
            np.stack([found[name][0] for name in kept]) if kept else np.zeros((0, 0), np.float32),
            np.array([found[name][1] for name in kept]),
            {name: skipped[name] for name in names if name in skipped},
        )
    )
