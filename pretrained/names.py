"""The files of checkpoints that are shipped or on the hub, by their names."""

import os
from pathlib import Path

from pretrained import hub
from pretrained.catalogue import shipped


def named_checkpoint(name: str) -> Path | None:
    """The file of the shipped checkpoint, or of the model on the hub, of that name; None where
    there is none. Raises CheckpointError where it cannot be downloaded."""
    if entry := shipped(name):
        return entry.path
    return imported(name) if name in hub.REPOSITORIES else None


def cache_folder() -> Path:
    """Where imported models are kept: `JOINT_CACHE`, or `joint-speaker` in the user's cache
    folder (`XDG_CACHE_HOME`, by default `~/.cache`)."""
    if chosen := os.environ.get("JOINT_CACHE"):
        return Path(chosen).expanduser()
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "joint-speaker"


def imported(name: str) -> Path:
    """The cached import of a model on the hub, made where it is missing. Raises CheckpointError
    where it cannot be downloaded."""
    path = cache_folder() / "imported" / name / "model.safetensors"
    if not path.is_file():
        # Imported here, for it needs torch. Two processes may both do the work: the file is
        # written whole, and they write the same.
        from pretrained.importing import import_checkpoint

        import_checkpoint(name, path)
    return path
