"""The vocoder of a model that speaks: its own, another checkpoint's, or none that is trained."""

from functools import cached_property
from typing import TYPE_CHECKING

from joint.app.base import LoadedModel
from joint.app.checkpoints import checkpoint_file
from joint.app.manner import GRIFFIN_LIM
from joint.errors import CheckpointError
from joint.training.building.model import load_model

if TYPE_CHECKING:
    from joint.model import JointModel
    from joint.synthesis.vocoders.base import Vocoder

VOCODER = "vocoder"
"""The task of it."""


class Vocoding(LoadedModel):
    """A model with a vocoder."""

    def vocoder(self, name: str | None = None) -> "Vocoder":
        """The checkpoint's vocoder; with a `name` that of another checkpoint, or `griffin-lim`,
        which needs no training and sounds worse. Raises CheckpointError where there is none."""
        if name is None:
            if VOCODER not in self.model.tasks:
                expected = "one with a vocoder task, or --vocoder griffin-lim|CHECKPOINT"
                raise CheckpointError(self.path, self._tasks_text(), expected)
            return vocoder_of(self.model)
        if name not in self._others:
            self._others[name] = self._other(name)
        return self._others[name]

    @cached_property
    def _others(self) -> "dict[str, Vocoder]":
        """Those besides the checkpoint's own, by their names."""
        return {}

    def _other(self, name: str) -> "Vocoder":
        if name == GRIFFIN_LIM:
            from joint.synthesis.vocoders.griffin_lim import GriffinLim

            return GriffinLim().to(self.device)
        model, _ = load_model(checkpoint_file(name), (), [VOCODER])
        return vocoder_of(model.to(self.device).eval())


def vocoder_of(model: "JointModel") -> "Vocoder":
    """Of a model with a task `VOCODER`."""
    from tasks.vocoder.task import VocoderTask

    task = model.task(VOCODER)
    assert isinstance(task, VocoderTask)
    return task.vocoder
