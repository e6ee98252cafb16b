"""Output options of a command are checked before it computes anything."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from joint.errors import JointError
from joint.files import check_file, check_folder

OUTPUTS = ("output", "json", "scores", "transcripts", "picture")
"""Parameters that name a place to write; all others that name a file are inputs."""


class CheckedCommand(TyperCommand):
    """A command whose output places are refused, in one line, before it computes anything.

    The metavar of an output says what it is: DIR a folder, OUT a folder or a checkpoint, any other
    a file, with the ending that the metavar has (`OUT.npz`). An output may not be an input, nor
    another output.
    """

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command, after the checks."""
        metavars = {p.name: str(getattr(p, "metavar", None) or "") for p in self.params}
        outputs = {
            name: Path(ctx.params[name])
            for name in OUTPUTS
            if isinstance(ctx.params.get(name), str | Path)
        }
        taken = dict.fromkeys(_inputs(ctx.params), "an input of this command")
        for name, path in outputs.items():
            if metavars[name] == "DIR":
                check_folder(path)
                continue
            for other, what in taken.items():
                if _same(path, other):
                    raise JointError(path, what, "a place of its own for each output")
            taken[path] = "another output of this command"
            if metavars[name] != "OUT" or path.suffix == ".safetensors":
                ending = Path(metavars[name]).suffix
                check_file(path, (ending,) if ending else ())
            else:
                check_folder(path)
        return super().invoke(ctx)


def _inputs(values: Mapping[str, Any]) -> Iterator[Path]:
    """The files and folders that a command's values name, without its outputs."""
    for name, value in values.items():
        if name not in OUTPUTS:
            for item in value if isinstance(value, list | tuple) else [value]:
                if isinstance(item, str | Path) and str(item) and os.path.exists(item):
                    yield Path(item)


def _same(first: Path, second: Path) -> bool:
    """Whether two paths lead to one place, through links too."""
    if first.exists() and second.exists():
        return first.samefile(second)
    return first.resolve() == second.resolve()
