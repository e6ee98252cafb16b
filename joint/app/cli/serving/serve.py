"""`joint serve`: the model as an HTTP service."""

from pathlib import Path
from typing import Annotated

import typer

from joint.app.cli.options import SHIPPED, Checkpoint, open_model
from joint.app.cli.serving.options import (
    LIMITS,
    LOCAL,
    Host,
    MaxMegabytes,
    MaxSeconds,
    Port,
    Queue,
)
from joint.app.limits import WAITING, Limits
from joint.errors import JointError
from joint.terminal import warn


def serve(
    checkpoint: Checkpoint = SHIPPED,
    database: Annotated[
        Path | None,
        typer.Option(
            "--database",
            metavar="DB",
            help="A speaker database that `joint enroll` wrote, for /identify and for names. It is "
            "read at each request and never written.",
        ),
    ] = None,
    host: Host = LOCAL,
    port: Port = 8000,
    max_seconds: MaxSeconds = LIMITS.seconds,
    max_megabytes: MaxMegabytes = LIMITS.megabytes,
    queue: Queue = WAITING,
) -> None:
    """Serve the model over HTTP: /embed, /verify, /identify, /extract, /diarize, /transcribe.

    The checkpoint is loaded once. Recordings are sent as a form with files, which together are one
    upload; /docs describes every route, /openapi.json for programs, /health tells the state. An
    error is answered in one line of JSON, a full queue with status 503. There is no login. Ctrl-C
    or SIGTERM stop the server once it has answered what it has let in. Needs the extra `serve`.

    Example: joint serve --database speakers
    """
    from joint.app.listening import address_of, is_local, listening

    try:
        from joint.app.serve.answering import Service
        from joint.app.serve.service import create_app, run
    except ImportError as error:
        expected = "the extra `serve` (pip install 'joint-speaker[serve]')"
        raise JointError("joint serve", f"no package {error.name}", expected) from None

    with listening(host, port) as listener:
        service = Service(open_model(checkpoint), database, Limits(max_seconds, max_megabytes))
        if database is not None:
            service.people()
        if not is_local(host):
            warn(f"{host}: whoever reaches this address may use the server; it has no login")
        # A page of another site, whose name leads here, may not ask through a browser.
        hosts = ["127.0.0.1", "localhost", host, f"[{host}]"] if is_local(host) else ["*"]
        app = create_app(service, queue + 1, hosts)  # those that wait, and the one in work
        print(
            f"joint serve: {address_of(listener)} (/docs describes it; Ctrl-C ends it)", flush=True
        )
        run(app, listener)
