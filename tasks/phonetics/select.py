"""Which of a model's tasks is the frame-level phonetic head."""

from pathlib import Path

from joint.errors import CheckpointError
from joint.model import JointModel
from tasks.phonetics.head import FramePhones


def frame_heads(model: JointModel) -> dict[str, FramePhones]:
    """The frame-level heads that were trained, by their names; adversaries are none."""
    heads = {name: model.tasks[name] for name in model.active}
    return {
        name: head
        for name, head in heads.items()
        if isinstance(head, FramePhones) and head.reversal is None
    }


def frame_head(model: JointModel, where: Path, name: str | None = None) -> tuple[str, FramePhones]:
    """The head called `name`, or the only one. Raises CheckpointError, with the names there are."""
    heads = frame_heads(model)
    if name is None and len(heads) == 1:
        name = next(iter(heads))
    if name is None or name not in heads:
        found = f"{name or len(heads)} of {', '.join(heads) or 'no frame-level phonetic head'}"
        raise CheckpointError(where, found, "one: --task NAME" if heads else "a model with one")
    return name, heads[name]
