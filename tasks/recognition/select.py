"""Which of a model's tasks is the recogniser that is asked for."""

from pathlib import Path

from joint.errors import CheckpointError
from joint.model import JointModel
from tasks.recognition.task import RecognitionTask
from tasks.recognition.topologies import (
    EnrolledRecognition,
    SimoRecognition,
    SingleRecognition,
    SisoRecognition,
)

FACES: dict[str, type] = {
    "single": SingleRecognition,
    "simo": SimoRecognition,
    "siso": SisoRecognition,
    "target": EnrolledRecognition,
}
"""What the command line calls them."""


def recogniser(
    model: JointModel, where: Path, face: str | None = None, name: str | None = None
) -> tuple[str, RecognitionTask]:
    """The task called `name`, the only one of a `face`, or the only recogniser there is.

    Raises CheckpointError, with what there is.
    """
    heads = {n: h for n, h in model.tasks.items() if isinstance(h, RecognitionTask)}
    kind = FACES.get(face or "", RecognitionTask)
    fitting = [n for n, h in heads.items() if name in (None, n) and isinstance(h, kind)]
    if len(fitting) != 1:
        known = [f"{n} ({face_of(h)})" for n, h in heads.items()]
        others = f"tasks {', '.join(model.tasks) or 'none'}, no recogniser"
        wanted = name or face or "one recogniser"
        raise CheckpointError(where, ", ".join(known) or others, f"{wanted}: see --task and --mode")
    return fitting[0], heads[fitting[0]]


def follows_people(model: JointModel) -> bool:
    """Whether it has a recogniser that is asked for people."""
    return any(isinstance(head, EnrolledRecognition) for head in model.tasks.values())


def face_of(head: RecognitionTask) -> str:
    """What the command line calls a recogniser's face."""
    return next((name for name, made in FACES.items() if isinstance(head, made)), "another")
