"""The `joint` command: verbs, and how errors and warnings reach the terminal."""

from collections.abc import Callable

import typer
from typer.core import TyperGroup

from joint.app.cli.data.align import align
from joint.app.cli.data.prepare import prepare
from joint.app.cli.data.prepare_mixtures import librimix, librispeechmix
from joint.app.cli.data.shard import shard
from joint.app.cli.evaluate.group import evaluate
from joint.app.cli.inference.diarize import diarize
from joint.app.cli.inference.embed import embed
from joint.app.cli.inference.enroll import enroll
from joint.app.cli.inference.extract import extract
from joint.app.cli.inference.forget import forget
from joint.app.cli.inference.identify import identify
from joint.app.cli.inference.transcribe import transcribe
from joint.app.cli.inference.verify import verify
from joint.app.cli.inspection.explain import explain
from joint.app.cli.inspection.import_checkpoint import import_checkpoint
from joint.app.cli.inspection.info import info
from joint.app.cli.inspection.probe import probe
from joint.app.cli.inspection.report import report
from joint.app.cli.training.ablate import ablate
from joint.app.cli.training.train import train
from joint.terminal import errors_in_one_line, quiet_libraries
from joint.training.memory import keep_freed_memory


class InOrder(TyperGroup):
    """Verbs in the order in which one uses them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Names of the verbs."""
        return list(VERBS)


VERBS: dict[str, Callable[..., None] | typer.Typer] = {
    "prepare": prepare,
    "align": align,
    "shard": shard,
    "train": train,
    "ablate": ablate,
    "evaluate": evaluate,
    "embed": embed,
    "verify": verify,
    "enroll": enroll,
    "identify": identify,
    "forget": forget,
    "extract": extract,
    "transcribe": transcribe,
    "diarize": diarize,
    "probe": probe,
    "explain": explain,
    "report": report,
    "import": import_checkpoint,
    "info": info,
}

prepare.command()(librispeechmix)
prepare.command()(librimix)

app = typer.Typer(
    name="joint",
    cls=InOrder,
    help="One shared speaker encoder, many tasks: prepare, train, evaluate and use it.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
for name, verb in VERBS.items():
    if isinstance(verb, typer.Typer):
        app.add_typer(verb, name=name)
    else:
        app.command(name)(verb)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; bad input prints one line and exits 2, Ctrl-C exits 130."""
    quiet_libraries()
    keep_freed_memory()
    with errors_in_one_line():
        app(args=arguments, prog_name="joint")


if __name__ == "__main__":
    main()
