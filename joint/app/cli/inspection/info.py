"""`joint info`: what a checkpoint is."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer


def info(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="A checkpoint folder or file, or a shipped name: speechocean762-joint.",
        ),
    ],
) -> None:
    """Print what a checkpoint is: tasks, sizes, training data, command, seed and figures.

    Example: joint info speechocean762-joint
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
