"""Every verb whose files are missing says so in one line, exits 2 and writes nothing."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import typer
from support import Command

from joint.app.cli.main import app


def examples(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """The example of each command, as the words that follow `joint`."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from examples(below, (*path, name))
    else:
        text = (command.help or "").partition("Example: joint ")[2]
        yield " ".join(path), shlex.split(" ".join(text.split()))


EXAMPLES = dict(examples(typer.main.get_command(app), ()))
ALWAYS_THERE = {"export", "info", "serve", "voice", "web"}
"""Their examples need nothing but the shipped checkpoint."""


def unreachable(*_: object, **__: object) -> str:
    raise ConnectionError("no route to host")


@pytest.mark.parametrize("verb", [verb for verb in EXAMPLES if verb not in ALWAYS_THERE])
def test_the_example_in_an_empty_folder(
    joint_command: Command, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("JOINT_CACHE", str(folder / "cache"))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    outcome = joint_command(*EXAMPLES[verb])
    assert outcome.code == 2 and not outcome.out, outcome
    *warnings, line = outcome.err
    assert all(warning.startswith("warning: skipped ") for warning in warnings), warnings
    assert line.startswith("error: ") and "found" in line and "expected" in line
    assert os.listdir(folder) == []
