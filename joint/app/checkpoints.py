"""The file behind a checkpoint that is given by path, by the name of a shipped one, or by its name
on the hub."""

from pathlib import Path

from pretrained import hub
from pretrained.catalogue import checkpoint_path
from pretrained.names import imported

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
    return imported(str(checkpoint))


def notices_overlap(checkpoint: str | Path) -> bool:
    """Whether the extractor of `checkpoint` is to look at recordings to enrol. Raises as
    `checkpoint_file`."""
    from joint.training.checkpoint import read_metadata
    from tasks.extraction.enrolment.overlap import KEY

    return read_metadata(checkpoint_file(checkpoint)).get(KEY) is not None
