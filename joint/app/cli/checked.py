"""Output options of a command are checked before it computes anything."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from joint.errors import JointError
from joint.files import check_file, check_folder

OUTPUTS = ("output", "json", "scores", "transcripts", "kept", "picture", "report", "tracks")
"""Parameters that name a place to write; all others that name a file are inputs."""

SEVERAL = ("text_file", "everyone")
"""Parameters with which a command's output is a folder, with a file for each line or person."""

CHECKPOINT = "model.safetensors"
"""The file of a checkpoint in its folder; not imported, since its module needs torch."""


class CheckedCommand(TyperCommand):
    """A command whose output places are refused, in one line, before it computes anything.

    The metavar of an output says what it is: DIR a folder to add files to, OUT a folder that is
    replaced whole, FILE|DIR a checkpoint, any other a file, with the ending that the metavar has
    (`OUT.npz`). An output may not be an input, nor another output.
    """

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command, after the checks."""
        for name, value in ctx.params.items():
            if name not in OUTPUTS and isinstance(value, str | Path):
                _refuse_device(Path(value))
        metavars = {p.name: str(getattr(p, "metavar", None) or "") for p in self.params}
        taken = dict.fromkeys(_inputs(ctx.params), "an input of this command")
        for name in OUTPUTS:
            value = ctx.params.get(name)
            if not isinstance(value, str | Path):
                continue
            path, metavar = Path(value), metavars[name]
            if metavar == "DIR" or (name == "output" and any(map(ctx.params.get, SEVERAL))):
                check_folder(path)
                continue
            for other, what in taken.items():
                if _same(path, other):
                    raise JointError(path, what, "a place of its own for each output")
            if metavar == "OUT":
                _check_replaced(path, taken)
                continue
            if metavar == "FILE|DIR" and path.suffix != ".safetensors":
                path = path / CHECKPOINT
                if any(_same(path, other) for other in taken):
                    raise JointError(path, "an input of this command", "another folder")
            taken[path] = "another output of this command"
            ending = Path(metavar).suffix
            check_file(path, (ending,) if ending else ())
        return super().invoke(ctx)


def check_places(
    places: Iterable[Path], inputs: Iterable[Path], outputs: Iterable[Path] = ()
) -> None:
    """Raise JointError for one of the `places` of files in an output folder that cannot be written,
    or is one of the `inputs` or of the other `outputs`, through links too."""
    taken = dict.fromkeys((path for path in inputs if path.exists()), "an input of this command")
    taken |= dict.fromkeys(outputs, "another output of this command")
    for place in places:
        check_file(place)
        for path, what in taken.items():
            if _same(place, path):
                raise JointError(place, what, "another folder")


def _refuse_device(path: Path) -> None:
    """Raise JointError for an input that would be waited for, or read, without end: a device, or a
    named pipe; not what the shell puts in place of `<(COMMAND)`. Each of several recordings is
    checked where it is read."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # what is not there is refused where it is read
        return
    piped = stat.S_ISFIFO(mode) and path.parts[:2] not in (("/", "dev"), ("/", "proc"))
    if piped or stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise JointError(path, "a pipe or device", "a regular file")


def _check_replaced(folder: Path, inputs: Iterable[Path]) -> None:
    """Raise JointError where `folder` cannot be written, or holds an input that would be lost."""
    check_folder(folder)
    for path in inputs:
        if folder.resolve() in path.resolve().parents:
            found = f"a folder with the input {path}, which would be removed"
            raise JointError(folder, found, "a folder without the inputs")


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
