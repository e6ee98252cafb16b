"""The `joint` command: verbs, and how errors and warnings reach the terminal."""

import sys

import typer
from typer.core import TyperGroup

from joint.cli.embed import embed
from joint.cli.evaluate import evaluate
from joint.cli.extract import extract
from joint.cli.info import info
from joint.cli.prepare import prepare
from joint.cli.terminal import one_line, quiet_libraries
from joint.cli.train import train
from joint.cli.verify import verify
from joint.errors import JointError

BAD_INPUT = 2


class InOrder(TyperGroup):
    """Verbs in the order in which one uses them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names of the verbs."""
        return list(VERBS)


VERBS = ("prepare", "train", "evaluate", "embed", "verify", "extract", "info")

app = typer.Typer(
    name="joint",
    cls=InOrder,
    help="One shared speaker encoder, many tasks: prepare, train, evaluate and use it.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(prepare, name="prepare")
app.command()(train)
app.add_typer(evaluate, name="evaluate")
app.command()(embed)
app.command()(verify)
app.command()(extract)
app.command()(info)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; bad input prints one line and exits 2, Ctrl-C exits 130."""
    quiet_libraries()
    try:
        app(args=arguments, prog_name="joint")
    except JointError as error:
        print(one_line(f"error: {error}"), file=sys.stderr)
        sys.exit(BAD_INPUT)
    except OSError as error:
        where = error.filename or "a file"
        print(one_line(f"error: {where}: {error.strerror or error}"), file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
