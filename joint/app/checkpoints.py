"""The file behind a checkpoint that is given by path, by the name of a shipped one, or by its name
on the hub."""

import os
from pathlib import Path

from pretrained import hub
from pretrained.catalogue import checkpoint_path, shipped

SHIPPED = "speechocean762-librispeech-joint"
"""The checkpoint that is used where none is named."""


def checkpoint_file(checkpoint: str | Path) -> Path:
    """The safetensors file of `checkpoint`: a file, a training's folder, a shipped name, or the
    name of a model on the hub, which is imported into the cache once and then read from there.

    Raises CheckpointError for anything else, and where a model that is not in the cache cannot be
    downloaded.
    """
    if Path(checkpoint).exists() or str(checkpoint) not in hub.REPOSITORIES:
        return checkpoint_path(checkpoint)
    return _imported(str(checkpoint))


def notices_overlap(checkpoint: str | Path) -> bool:
    """Whether the extractor of `checkpoint` is to look at recordings to enrol. Raises as
    `checkpoint_file`."""
    from joint.training.checkpoint import read_metadata
    from tasks.extraction.enrolment.overlap import KEY

    return read_metadata(checkpoint_file(checkpoint)).get(KEY) is not None


def named_checkpoint(name: str) -> Path | None:
    """The file of the shipped checkpoint, or of the model on the hub, of that name; None where
    there is none. Raises CheckpointError where it cannot be downloaded."""
    if entry := shipped(name):
        return entry.path
    return _imported(name) if name in hub.REPOSITORIES else None


def cache_folder() -> Path:
    """Where imported models are kept: `JOINT_CACHE`, or `joint-speaker` in the user's cache
    folder (`XDG_CACHE_HOME`, by default `~/.cache`)."""
    if chosen := os.environ.get("JOINT_CACHE"):
        return Path(chosen).expanduser()
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "joint-speaker"


def _imported(name: str) -> Path:
    """The cached import of a model on the hub, made where it is missing."""
    path = cache_folder() / "imported" / name / "model.safetensors"
    if not path.is_file():
        # Imported here, for it needs torch. Two processes may both do the work: the file is
        # written whole, and they write the same.
        from pretrained.importing import import_checkpoint

        import_checkpoint(name, path)
    return path
