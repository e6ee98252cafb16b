"""`joint train`: one configuration, one run."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import AllowPackages


def train(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A YAML file, such as those in recipes/.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="key=value",
            help="Keys with another value, dots between levels, or another block such as "
            "`encoders@encoder=campplus`.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")
    ] = False,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config", help="Print the recipe with all its blocks as YAML, train nothing."
        ),
    ] = False,
    allow_package: AllowPackages = None,
) -> None:
    """Train what a configuration describes and print where the checkpoint lies.

    A recipe's `defaults` name the blocks that it is made of: files in its own folder, or in
    recipes/common. An unknown key or a wrong type stops at once, with the nearest valid name. Runs
    unchanged under torchrun.

    With --resume, an interrupted run continues from its last checkpoint: exactly as if it had not
    been interrupted where the budget is in steps (trainer.max_steps). Where it is in minutes, the
    steps after the checkpoint are repeated and take other times, which the learning rate follows.

    Example: joint train recipes/speechocean762/joint.yaml trainer.max_minutes=20
    """
    # Imported here: they need torch.
    if print_config:
        from joint.training.config.schema import load_config, resolved

        checked = load_config(config, overrides or [], allow_package or [])
        print(resolved(checked), end="")
        return
    from joint.training.run import train as run
    from pretrained.names import named_checkpoint

    print(run(config, overrides or [], resume, allow_package or [], named_checkpoint))
