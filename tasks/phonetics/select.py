"""The frame-level phonetic head among the tasks of a model."""

from pathlib import Path

from joint.errors import CheckpointError
from joint.model import JointModel
from tasks.phonetics.task import FramePhones


def frame_heads(model: JointModel) -> dict[str, FramePhones]:
    """The trained frame-level heads by name, without adversaries."""
    heads = {name: model.tasks[name] for name in model.active}
    return {
        name: head
        for name, head in heads.items()
        if isinstance(head, FramePhones) and head.reversal is None
    }


def frame_head(model: JointModel, where: Path, name: str | None = None) -> tuple[str, FramePhones]:
    """The head called `name`, or the only one. Raises CheckpointError, which lists the heads."""
    heads = frame_heads(model)
    if name is None and len(heads) == 1:
        name = next(iter(heads))
    if name is None or name not in heads:
        tasks = f"tasks {', '.join(model.tasks) or 'none'}, no frame-level phonetic head"
        expected = f"{name or 'one of them'}: see --task" if heads else "a model with one"
        raise CheckpointError(where, ", ".join(heads) or tasks, expected)
    return name, heads[name]
