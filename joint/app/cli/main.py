"""The `joint` command: its commands, and how errors and warnings reach the terminal."""

import atexit
import gc
import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from joint import __version__
from joint.app.cli.checked import CheckedCommand
from joint.app.cli.data.align import align
from joint.app.cli.data.prepare import prepare
from joint.app.cli.data.prepare_commonvoice import commonvoice
from joint.app.cli.data.prepare_librispeech import librimix, librispeech, librispeechmix
from joint.app.cli.data.shard import shard
from joint.app.cli.editing.edit import edit
from joint.app.cli.evaluate.group import evaluate
from joint.app.cli.generation.voice import voice
from joint.app.cli.inference.convert import convert
from joint.app.cli.inference.diarize import diarize
from joint.app.cli.inference.embed import embed
from joint.app.cli.inference.enroll import enroll
from joint.app.cli.inference.extract import extract
from joint.app.cli.inference.forget import forget
from joint.app.cli.inference.identify import identify
from joint.app.cli.inference.synthesize import synthesize
from joint.app.cli.inference.transcribe import transcribe
from joint.app.cli.inference.verify import verify
from joint.app.cli.inspection.analyze import analyze
from joint.app.cli.inspection.explain import explain
from joint.app.cli.inspection.export import export
from joint.app.cli.inspection.import_checkpoint import import_checkpoint
from joint.app.cli.inspection.info import info
from joint.app.cli.inspection.inspect import inspect
from joint.app.cli.inspection.probe import probe
from joint.app.cli.inspection.report import report
from joint.app.cli.serving.serve import serve
from joint.app.cli.serving.web import web
from joint.app.cli.training.ablate import ablate
from joint.app.cli.training.train import train
from joint.app.cli.training.units import units
from joint.terminal import errors_in_one_line, fail, print_any_text, quiet_libraries
from joint.training.memory import keep_freed_memory

# Typer carries click within itself, and exports no more of its errors than this one's heir.
USAGE_ERROR = cast(type[Exception], typer.BadParameter.__mro__[2])
ABORTED = 1


class InOrder(TyperGroup):
    """Commands in the order in which one uses them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names of the commands."""
        return list(COMMANDS)


COMMANDS: dict[str, Callable[..., None] | typer.Typer] = {
    "prepare": prepare,
    "align": align,
    "shard": shard,
    "units": units,
    "train": train,
    "ablate": ablate,
    "evaluate": evaluate,
    "inspect": inspect,
    "embed": embed,
    "verify": verify,
    "enroll": enroll,
    "identify": identify,
    "forget": forget,
    "extract": extract,
    "transcribe": transcribe,
    "diarize": diarize,
    "synthesize": synthesize,
    "convert": convert,
    "edit": edit,
    "voice": voice,
    "web": web,
    "serve": serve,
    "probe": probe,
    "analyze": analyze,
    "explain": explain,
    "report": report,
    "import": import_checkpoint,
    "export": export,
    "info": info,
}

prepare.command(cls=CheckedCommand)(commonvoice)
prepare.command(cls=CheckedCommand)(librispeech)
prepare.command(cls=CheckedCommand)(librispeechmix)
prepare.command(cls=CheckedCommand)(librimix)

app = typer.Typer(
    name="joint",
    cls=InOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"joint {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """One shared speaker encoder, many tasks: prepare, train, evaluate and use it."""


for name, command in COMMANDS.items():
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name, cls=CheckedCommand)(command)


@cache
def whole() -> Any:
    """The command with all its commands, made once in a process."""
    return typer.main.get_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; bad input prints one line and exits 2, Ctrl-C exits 130."""
    quiet_libraries()
    print_any_text()
    keep_freed_memory()
    # At the end of the process: the collector would look for cycles in all of torch's objects, a
    # third of a second, before the system takes all of them at once.
    atexit.register(gc.freeze)
    with errors_in_one_line():
        try:
            code = whole()(args=arguments, prog_name="joint", standalone_mode=False)
        except USAGE_ERROR as error:
            _refuse_usage(error)
        except typer.Abort:
            sys.exit(ABORTED)
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_usage(error: Any) -> NoReturn:
    """Print a mistake in the arguments as one line, where typer would print a box of five."""
    if not (message := error.format_message()):
        sys.exit(error.exit_code)  # a command without arguments, whose help was printed
    command = error.ctx.command_path if error.ctx else "joint"
    fail(f"{command}: {message.rstrip('.')}. See `{command} --help`.")


if __name__ == "__main__":
    main()
