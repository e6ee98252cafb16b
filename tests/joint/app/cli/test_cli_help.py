"""The help of every command: an example, a plain sentence for each option, no slow import."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
import typer
from support import Command

from joint.app.cli.main import COMMANDS, app

EXPECTED = {
    "prepare": "speechocean762 voxceleb cnceleb threedspeaker voxblink kaldi commonvoice "
    "librispeech librispeechmix librimix",
    **dict.fromkeys(("align", "shard", "units", "train", "ablate"), ""),
    "evaluate": "verification extraction phonetics recognition diarization vocoder codec "
    "synthesis conversion activity transcript audiolm voices",
    **dict.fromkeys(("inspect", "embed", "verify", "enroll", "identify", "forget", "extract"), ""),
    **dict.fromkeys(
        (
            *("transcribe", "diarize", "synthesize", "convert", "edit", "voice"),
            *("web", "serve", "probe"),
        ),
        "",
    ),
    "analyze": "voices",
    "explain": "verification extraction phones",
    **dict.fromkeys(("report", "import", "export", "info"), ""),
}
RIDDLES = re.compile(
    r"\b((?<!Hugging )faces?|voice ?books?|books?|arms?|graft\w*|rests|at rest|hears?|heard"
    r"|said|wanted|verbs?|nobody|somebody|known people|understands?|whom|as if it never)\b",
    re.IGNORECASE,
)
"""Words of the design's table that are not the field's own, and their relatives."""


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands without subcommands, each with its words."""
    if hasattr(command, "commands"):
        for name, below in command.commands.items():
            yield from commands(below, (*path, name))
    else:
        yield path, command


ALL: dict[tuple[str, ...], Any] = dict(commands(typer.main.get_command(app), ()))
each_command = pytest.mark.parametrize("path", ALL, ids=" ".join)


def test_exactly_these_commands() -> None:
    expected = {
        (verb, *([sub] if sub else []))
        for verb, subs in EXPECTED.items()
        for sub in subs.split() or [""]
    }
    assert set(ALL) == expected
    assert list(COMMANDS) == list(EXPECTED)


@each_command
def test_help_has_an_example(joint_command: Command, path: tuple[str, ...]) -> None:
    outcome = joint_command(*path, "--help")
    assert outcome.code == 0
    shown = " ".join(outcome.out.split())
    assert shown.count("Example: ") == 1 and f"Example: joint {' '.join(path)} " in f"{shown} "


@each_command
def test_every_option_has_a_sentence(path: tuple[str, ...]) -> None:
    kinds = get_type_hints(ALL[path].callback)
    for parameter in ALL[path].params:
        text = getattr(parameter, "help", None) or ""
        assert len(text.split()) >= 3 and text.endswith("."), (parameter.name, text)
        flag = kinds[parameter.name] is bool
        assert flag or parameter.metavar, f"{parameter.name} has no metavar"


@each_command
def test_help_uses_the_words_of_the_field(path: tuple[str, ...]) -> None:
    command = ALL[path]
    texts = [
        command.help or "",
        *(getattr(p, "help", None) or "" for p in command.params),
    ]
    found = [match.group() for text in texts for match in RIDDLES.finditer(text)]
    assert not found, found


def test_help_of_groups_says_commands() -> None:
    whole: Any = typer.main.get_command(app)
    for group in (whole, *(c for c in whole.commands.values() if hasattr(c, "commands"))):
        assert group.help and not re.search(r"\bverbs?\b", group.help), group.name


@each_command
def test_the_example_can_be_parsed(path: tuple[str, ...]) -> None:
    """Its options exist, and all that are required are given."""
    example = " ".join((ALL[path].help or "").partition("Example: joint ")[2].split())
    words = shlex.split(example)[len(path) :]
    ALL[path].make_context(" ".join(path), words, resilient_parsing=False)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom joint.app.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numpy', 'lhotse'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_words_of_the_table_are_found() -> None:
    """The pattern above can fail."""
    for riddle in ("the wanted person", "Only this arm", "what is heard", "A voice book: a folder"):
        assert RIDDLES.search(riddle), riddle
    assert not RIDDLES.search("the rest of the target, alarms, interfaces, booking")


def test_servers_share_their_options() -> None:
    """Where they listen and how much they take is said in the same words."""
    web, serve = ({p.name: p for p in ALL[(name,)].params} for name in ("web", "serve"))
    for name in ("host", "port", "max_seconds", "max_megabytes", "queue"):
        assert web[name].help == serve[name].help and web[name].metavar == serve[name].metavar
        assert name == "port" or web[name].default == serve[name].default
