"""Options of the commands that serve others: where they listen, and how much they take."""

from typing import Annotated, TypeAlias

import typer

from joint.app.limits import Limits

LIMITS = Limits()
LOCAL = "127.0.0.1"

Host: TypeAlias = Annotated[
    str,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help="The address to bind to: 127.0.0.1 is reached from this machine alone, 0.0.0.0 from "
        "others too.",
    ),
]
Port: TypeAlias = Annotated[
    int,
    typer.Option("--port", metavar="PORT", min=0, max=65535, help="The port; 0: any free one."),
]
MaxSeconds: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-seconds", metavar="S", min=1, help="The longest upload, in seconds of audio."
    ),
]
MaxMegabytes: TypeAlias = Annotated[
    float,
    typer.Option(
        "--max-megabytes", metavar="MB", min=0.1, help="The largest upload, in megabytes."
    ),
]
Queue: TypeAlias = Annotated[
    int,
    typer.Option(
        "--queue",
        metavar="N",
        min=1,
        help="Requests that may wait while one is answered; one more is refused.",
    ),
]
