"""Checkpoints of other toolkits: what their readers have in common.

A reader turns its toolkit's files into a `ForeignModel`, which is built and written the same way
for all toolkits.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from joint.encoders.encoder import SpeakerEncoder
from joint.errors import CheckpointError, ConfigError
from joint.model import JointModel
from joint.training import checkpoint
from joint.training.building.model import Classes, build_model
from joint.training.building.objects import build

SUM = re.compile(r"\{(\d+)([+-]\d+)\}")


@dataclass(frozen=True)
class ForeignModel:
    """An encoder, and tasks where there are some, read from another toolkit's checkpoint.

    `encoder` is the configuration node that builds it, `tensors` are its weights under this
    project's names, `left_out` names what the file holds besides, such as a classifier. `tasks` are
    the nodes of tasks by name, `task_tensors` their weights, by `name.parameter`.
    """

    toolkit: str
    path: Path
    encoder: dict[str, Any]
    tensors: dict[str, Tensor]
    left_out: tuple[str, ...] = ()
    tasks: dict[str, Any] = field(default_factory=dict)
    task_tensors: dict[str, Tensor] = field(default_factory=dict)

    def build(self) -> SpeakerEncoder:
        """Build the encoder with these weights, in eval mode.

        Buffers that a front-end computes and step counters of norms need no tensor. Raises
        CheckpointError for a tensor that is missing, left over or of another shape, and for an
        architecture that cannot be built.
        """
        try:
            encoder: SpeakerEncoder = build(self.encoder, "encoder")
        except ConfigError as error:
            found = f"an architecture that cannot be built ({error})"
            raise CheckpointError(self.path, found, "sizes that fit") from None
        weights = {name for name, _ in encoder.named_parameters()}
        own = {
            name: value
            for name, value in encoder.state_dict().items()
            if name.endswith("num_batches_tracked")
            or (name.startswith("frontend.") and name not in weights)
        }
        checkpoint.load_into(encoder, own | self.tensors, self.path, "")
        return encoder.eval()

    def model(self) -> JointModel:
        """As `build`: the encoder and the tasks, in eval mode. Raises CheckpointError."""
        encoder = self.build()
        try:
            model = build_model(self.encoder, self.tasks, Classes(0))
        except ConfigError as error:
            found = f"an architecture that cannot be built ({error})"
            raise CheckpointError(self.path, found, "sizes that fit") from None
        model.encoder = encoder
        checkpoint.load_into(model.tasks, self.task_tensors, self.path, "")
        return model.eval()

    def write(self, output: Path, name: str) -> None:
        """Write a checkpoint of this project: the encoder, and the tasks where there are some.
        Raises CheckpointError, also for weights that are not finite."""
        tensors = checkpoint.model_tensors(self.model())
        for weight, value in tensors.items():
            if value.is_floating_point() and not value.isfinite().all():
                raise CheckpointError(self.path, f"NaN or infinite in {weight}", "finite weights")
        metadata = {
            "name": name,
            "config": {"encoder": self.encoder, "tasks": self.tasks},
            "speaker_count": 0,
            "data": {"imported_from": self.toolkit},
        }
        checkpoint.write(output, tensors, metadata)


def renamed(
    tensors: Mapping[str, Tensor], rules: Sequence[tuple[str, str]], path: Path
) -> dict[str, Tensor]:
    """Rename `tensors` by `rules`: pairs of a regular expression for the whole name and a template
    for `re.Match.expand`; the first that matches is used. `{\\1-1}` in a template is the number in
    the first group less one, for toolkits that count from elsewhere.

    Raises CheckpointError for a name that no rule matches, and for two tensors with the same name.
    """
    compiled = [(re.compile(pattern), name) for pattern, name in rules]
    result: dict[str, Tensor] = {}
    for key, value in tensors.items():
        matches = ((found, name) for rule, name in compiled if (found := rule.fullmatch(key)))
        match, template = next(matches, (None, ""))
        if match is None:
            raise CheckpointError(path, f"a tensor {key!r} too many", "this architecture")
        name = SUM.sub(lambda found: str(int(found[1]) + int(found[2])), match.expand(template))
        if name in result:
            raise CheckpointError(path, f"{key!r} for {name!r} again", "each tensor once")
        result[name] = value
    return result


def read_config(path: Path, toolkit: str) -> dict[str, Any]:
    """The keys and values of the YAML file at `path`. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(path, "no file", "the configuration that belongs to the weights")
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except Exception as error:  # yaml's errors and OmegaConf's share no base
        cause = str(error) or type(error).__name__
        found = f"no readable YAML ({cause.splitlines()[0]})"
        raise CheckpointError(path, found, f"{toolkit}'s configuration") from None
    if not isinstance(content, dict):
        raise CheckpointError(path, "no keys and values", f"{toolkit}'s configuration")
    return {str(key): value for key, value in content.items()}


def read_pickle(path: Path) -> dict[str, Any]:
    """Read a file of `torch.save` with tensors and plain values alone. Raises CheckpointError."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the reader of a damaged pickle fails with errors of every kind
        cause = str(error) or type(error).__name__
        found = f"no readable weights ({cause.splitlines()[0]})"
        raise CheckpointError(path, found, "a file of tensors") from None
    if not isinstance(content, dict):
        raise CheckpointError(path, type(content).__name__, "named tensors")
    return content
