"""`joint info`: the contents of a checkpoint."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from joint.app.checkpoints import SHIPPED


def info(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A safetensors file, the output folder of a training, the name of a shipped "
            "checkpoint, or the name of a model on the Hugging Face hub.",
        ),
    ] = SHIPPED,
) -> None:
    """Print what a checkpoint contains: its tasks and sizes, and the training data, command, seed
    and figures that were stored with it.

    Example: joint info speechocean762-librispeech-joint
    """
    from joint.app.api import load

    for line in _lines(load(checkpoint).info()):
        print(line)


def _lines(values: Mapping[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_shown(value)}")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
