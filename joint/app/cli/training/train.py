"""`joint train`: one configuration, one run."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A YAML file, such as those in recipes/.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="key=value",
            help="Keys of the configuration with another value, dots between levels.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")
    ] = False,
    allow_package: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-package",
            metavar="P",
            help="A package of your own from which the YAML may name classes; may be repeated.",
        ),
    ] = None,
) -> None:
    """Train what a configuration describes and print where the checkpoint lies.

    An unknown key or a wrong type stops at once, with the nearest valid name. Runs unchanged
    under torchrun. With --resume, an interrupted run continues exactly where it stopped.

    Example: joint train recipes/speechocean762/joint.yaml trainer.max_minutes=20
    """
    from joint.training.run import train as run

    print(run(config, overrides or [], resume, allow_package or []))
