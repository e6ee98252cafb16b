"""Add the heads of other trainings to a checkpoint, where these kept its encoder frozen.

    python -m recipes.shipped.add_tasks BASE.safetensors OUT.safetensors
        vocoder=exp/synthesis/vocoder synthesis=exp/synthesis/synthesis ...

A head that BASE has already is replaced. Weights are written in float16; thresholds and calibration
of BASE stay true, as its encoder does. What only training reads of a head (a discriminator, a
vocoder for a loss) is left out.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from joint.errors import CheckpointError, ConfigError
from joint.terminal import errors_in_one_line
from joint.training import checkpoint
from joint.training.building.initialisation import located
from joint.training.building.model import load_model, to_half

TRAINING_ALONE = ("discriminators", "consistency")
"""Parts of a head that inference does not read."""
TASKS, ENCODER = f"{checkpoint.MODEL}tasks.", f"{checkpoint.MODEL}encoder."


def add_tasks(base: Path, output: Path, heads: Mapping[str, Path]) -> list[str]:
    """Write `output`; returns the names of its tasks. Raises CheckpointError where an encoder is
    another one, where a head is not there, or where phones differ."""
    tensors, metadata = checkpoint.read(base)
    tensors = {k: v for k, v in tensors.items() if k.startswith(checkpoint.MODEL)}
    for name, path in heads.items():
        found, described = checkpoint.read(path)
        if name not in described["config"]["tasks"]:
            tasks = ", ".join(described["config"]["tasks"])
            raise CheckpointError(path, f"tasks {tasks}", f"one with a task {name}")
        _refuse_another_encoder(path, tensors, found)
        _add(name, metadata, described, path)
        tensors = {k: v for k, v in tensors.items() if not k.startswith(f"{TASKS}{name}.")}
        tensors |= {k: v for k, v in found.items() if _is_read(k, name)}
    checkpoint.write(output, to_half(tensors), metadata)
    model, _ = load_model(output)
    return list(model.tasks)


def _add(name: str, metadata: dict[str, Any], described: Mapping[str, Any], path: Path) -> None:
    """Put a head's configuration and figures into the metadata."""
    node = described["config"]["tasks"][name]
    task = {k: v for k, v in node["task"].items() if k not in TRAINING_ALONE}
    metadata["config"]["tasks"][name] = {**node, "task": task}
    own, known = described.get("phones") or [], metadata.get("phones") or []
    if own and known and own != known:
        raise CheckpointError(path, f"{len(own)} phones", f"the {len(known)} of the base, in order")
    metadata["phones"] = known or own
    metadata.setdefault("heads", {})[name] = {
        "trained": described["trained"],
        "validation": described["validation"],
    }


def _is_read(key: str, name: str) -> bool:
    own = key.removeprefix(f"{TASKS}{name}.")
    return own != key and own.partition(".")[0] not in TRAINING_ALONE


def _refuse_another_encoder(
    path: Path, base: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]
) -> None:
    for key, value in base.items():
        if key.startswith(ENCODER) and not (
            key in found and torch.equal(found[key].float(), value.float())
        ):
            raise CheckpointError(path, f"another encoder ({key} differs)", "that of the base")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("heads", nargs="+", metavar="TASK=CHECKPOINT")
    given = parser.parse_args()
    heads = dict(head.partition("=")[::2] for head in given.heads)
    for name, path in heads.items():
        if not path:
            raise ConfigError(name, "no '='", "TASK=CHECKPOINT")
    found = {name: located(path, Path()) for name, path in heads.items()}
    print(*add_tasks(given.base, given.output, found))


if __name__ == "__main__":
    with errors_in_one_line():
        main()
