"""A mistake in the arguments is one line, exit 2; help and an interruption stay what they were."""

import pytest
import typer
from support import Command, Refused

from joint.app.cli import main as command_line


@pytest.mark.parametrize(
    ("arguments", "named", "command"),
    [
        ("verify", "A.wav", "joint verify"),
        ("embed a.wav", "--output", "joint embed"),
        ("verify a.wav b.wav c.wav", "c.wav", "joint verify"),
        ("verify a.wav b.wav --threshold high", "--threshold", "joint verify"),
        ("verify a.wav b.wav --treshold 0.5", "--treshold", "joint verify"),
        ("verify a.wav b.wav --threshold", "--threshold", "joint"),
        ("align data --jobs 0", "--jobs", "joint align"),
        ("prepare kaldi in out --check half", "--check", "joint prepare kaldi"),
        ("verfy", "verify", "joint"),
        ("prepare kalid", "kaldi", "joint prepare"),
    ],
)
def test_one_line(refused: Refused, arguments: str, named: str, command: str) -> None:
    line = refused(*arguments.split())
    assert line.startswith(f"error: {command}: ") and line.endswith(f"See `{command} --help`.")
    assert named in line


@pytest.mark.parametrize("arguments", [[], ["prepare"], ["evaluate"], ["explain"]])
def test_no_arguments_show_the_help(joint_command: Command, arguments: list[str]) -> None:
    outcome = joint_command(*arguments)
    assert outcome.code == 2 and not outcome.err
    assert "Usage: " in outcome.out and "Commands" in outcome.out


@pytest.mark.parametrize(
    ("raised", "code"), [(typer.Abort(), 1), (typer.Exit(3), 3), (KeyboardInterrupt(), 130)]
)
def test_exit_codes(
    joint_command: Command, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(command_line.CheckedCommand, "invoke", stop)
    outcome = joint_command("info")
    assert outcome.code == code and "Traceback" not in "".join(outcome.err)
