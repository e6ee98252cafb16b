"""A place that cannot be written is refused in one line before anything is read or computed."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from support import Refused

from joint.app.cli.checked import OUTPUTS
from joint.app.cli.main import app


def places(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Any]]:
    """Every output option of every command, after the arguments of the command's example."""
    for name, below in getattr(command, "commands", {}).items():
        yield from places(below, (*words, name))
    example = (getattr(command, "help", None) or "").partition("Example: joint ")[2]
    for parameter in command.params:
        if parameter.name in OUTPUTS:
            yield shlex.split(" ".join(example.split())), parameter


PLACES = list(places(typer.main.get_command(app)))
FILES = [place for place in PLACES if place[1].metavar not in ("DIR", "OUT", "FILE|DIR")]


def each(some: list[tuple[list[str], Any]]) -> pytest.MarkDecorator:
    names = [f"{example[0]}-{example[1]}-{parameter.name}" for example, parameter in some]
    return pytest.mark.parametrize(("example", "parameter"), some, ids=names)


def at(example: list[str], parameter: Any, place: object) -> list[str]:
    """The example with its output at another place."""
    if parameter.param_type_name == "argument":
        known: Any = typer.main.get_command(app)
        index = 0
        while hasattr(known, "commands"):
            known, index = known.commands[example[index]], index + 1
        index += [p.name for p in known.params].index(parameter.name)
        return [*example[:index], str(place), *example[index + 1 :]]
    return [*example, f"--{parameter.name}", str(place)]


def test_all_places_are_found() -> None:
    assert {"verify", "embed", "extract", "evaluate", "report"} <= {e[0] for e, _ in PLACES}


@each(PLACES)
def test_below_a_file(
    refused: Refused,
    example: list[str],
    parameter: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    ending = Path(parameter.metavar).suffix
    line = refused(*at(example, parameter, f"file/below{ending}"))
    assert line.startswith("error: file") and "not a folder" in line
    assert os.listdir(tmp_path) == ["file"]


@each(FILES)
def test_a_folder_where_a_file_is_expected(
    refused: Refused,
    example: list[str],
    parameter: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused(*at(example, parameter, "."))
    assert line.startswith("error: .: found a folder")


@each(PLACES)
def test_without_permission(
    refused: Refused,
    example: list[str],
    parameter: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    # The superuser, who may run this test, is allowed everything.
    monkeypatch.setattr(os, "access", lambda *_: False)
    ending = Path(parameter.metavar).suffix
    assert "no permission" in refused(*at(example, parameter, f"new{ending}"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["embed", "a.wav", "--output", "e.txt"], ".npz"),
        (["extract", "--mixture", "m.wav", "--enrollment", "e.wav", "--output", "o.mp7"], ".wav"),
        (["extract", "--mixture", "m.wav", "--enrollment", "e.wav", "--output", "o"], ".wav"),
    ],
)
def test_the_ending_is_that_of_the_format(
    refused: Refused, arguments: list[str], expected: str
) -> None:
    assert refused(*arguments).endswith(f"expected {expected}")


@pytest.mark.parametrize("output", ["m.wav", "e.wav", "./sub/../m.wav", "link.wav"])
def test_an_output_is_no_input(
    refused: Refused, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "m.wav").write_text("mixture")
    (tmp_path / "e.wav").write_text("enrolment")
    (tmp_path / "link.wav").symlink_to("m.wav")
    line = refused("extract", "--mixture", "m.wav", "--enrollment", "e.wav", "--output", output)
    assert "an input of this command" in line
    assert (tmp_path / "m.wav").read_text() == "mixture"


def test_inputs_in_a_list_and_in_a_string(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b.npz", "model.safetensors"):
        (tmp_path / name).write_text("")
    assert "an input" in refused("embed", "a.wav", "b.npz", "--output", "b.npz")
    verify = ("verify", "a.wav", "b.npz", "--checkpoint", "model.safetensors", "--json")
    for place in ("a.wav", "b.npz", "model.safetensors"):
        assert "an input" in refused(*verify, place)
    for place in ("model.safetensors", "."):
        assert "an input" in refused("import", "model.safetensors", place)


@pytest.mark.parametrize("command", [("shard",), ("prepare", "kaldi")])
def test_a_folder_that_holds_the_input_is_not_replaced(
    refused: Refused, command: tuple[str, ...], tmp_path: Path
) -> None:
    prepared = tmp_path / "data" / "train"
    prepared.mkdir(parents=True)
    (tmp_path / "data" / "skipped.tsv").write_text("split\tutterance\treason\n")
    assert "would be removed" in refused(*command, prepared, tmp_path / "data")
    assert "an input" in refused(*command, prepared, prepared)
    assert prepared.is_dir()


def test_two_outputs_at_one_place(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = ("--transcripts", "x.json", "--json", "./x.json")
    line = refused("evaluate", "recognition", "--checkpoint", "m", "--data", "d", *outputs)
    assert "another output" in line


def test_a_device_stays(refused: Refused, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "a device or pipe" in refused("verify", "a.wav", "b.wav", "--json", pipe)
    assert pipe.is_fifo()


def test_a_database_in_a_corpus(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("u1 u1.wav\n")
    line = refused("enroll", "Bea", "missing.wav", "--database", tmp_path, "--checkpoint", "none")
    assert "other content" in line
    assert os.listdir(tmp_path) == ["wav.scp"]
