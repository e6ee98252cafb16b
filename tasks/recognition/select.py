"""The recogniser among the tasks of a model, by its name or topology."""

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

TOPOLOGIES: dict[str, type] = {
    "single": SingleRecognition,
    "simo": SimoRecognition,
    "siso": SisoRecognition,
    "target": EnrolledRecognition,
}
"""Names of the topologies on the command line (`--mode`)."""


def recogniser(
    model: JointModel, where: Path, topology: str | None = None, name: str | None = None
) -> tuple[str, RecognitionTask]:
    """The task called `name`, the only one of a `topology`, or the only recogniser of the model.

    Raises CheckpointError, which lists the recognisers, where none or several match.
    """
    heads = {n: h for n, h in model.tasks.items() if isinstance(h, RecognitionTask)}
    kind = TOPOLOGIES.get(topology or "", RecognitionTask)
    matching = [n for n, h in heads.items() if name in (None, n) and isinstance(h, kind)]
    if len(matching) != 1:
        known = [f"{n} ({topology_of(h)})" for n, h in heads.items()]
        others = f"tasks {', '.join(model.tasks) or 'none'}, no recogniser"
        expected = f"{name or topology or 'one recogniser'}: see --task and --mode"
        raise CheckpointError(where, ", ".join(known) or others, expected)
    return matching[0], heads[matching[0]]


def follows_people(model: JointModel) -> bool:
    """Whether the model has a recogniser of enrolled speakers."""
    return any(isinstance(head, EnrolledRecognition) for head in model.tasks.values())


def topology_of(head: RecognitionTask) -> str:
    """The name of a recogniser's topology on the command line."""
    return next((name for name, made in TOPOLOGIES.items() if isinstance(head, made)), "another")
