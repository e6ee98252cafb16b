"""`joint web`: the page in the browser."""

from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated

import typer

from joint.app.cli.options import SHIPPED, open_model
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
from joint.app.listening import is_local, listening
from joint.errors import ConfigError


def web(
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="CHECKPOINT",
            help="A trained model, as for other commands. May be repeated: the page has a list to "
            "choose from, and each is loaded once, at the start.",
        ),
    ] = None,
    database: Annotated[
        Path | None,
        typer.Option(
            "--database",
            metavar="DB",
            help="A speaker database, new or of `joint enroll`: the page enrols, identifies and "
            "deletes people. Whoever opens the page needs the token in the printed address, or "
            "the login of --auth.",
        ),
    ] = None,
    recognizer: Annotated[
        str | None,
        typer.Option(
            "--recognizer",
            metavar="faster-whisper:DIR",
            help="Also transcribe with the Whisper model in DIR (needs the extra `recognition`).",
        ),
    ] = None,
    host: Host = LOCAL,
    port: Port = 7860,
    auth: Annotated[
        str | None,
        typer.Option(
            "--auth",
            metavar="USER:PASSWORD-FILE",
            help="Ask for this user's name and the password in the first line of the file.",
        ),
    ] = None,
    max_seconds: MaxSeconds = LIMITS.seconds,
    max_megabytes: MaxMegabytes = LIMITS.megabytes,
    queue: Queue = WAITING,
) -> None:
    """Serve a page in the browser: verify, enrol and identify, extract, who speaks when,
    transcribe, speak a text, convert a voice, explain.

    It takes files and the microphone, asks no other server for anything, and deletes uploads after
    half an hour and when it ends. Browsers allow the microphone at this machine's own address, and
    elsewhere over https alone. Ctrl-C ends it.

    Example: joint web --database speakers
    """
    from joint.app.web.server import FILES, application, check_gradio, serve, temporary_folder

    check_gradio()
    from joint.app.web.access import address, read_login

    login = read_login(auth) if auth is not None else None
    if database is not None and login is None and not is_local(host):
        expected = "--auth USER:PASSWORD-FILE too, or the address 127.0.0.1"
        raise ConfigError("--database", f"--host {host}, which others reach", expected)
    if database is not None:
        from tasks.verification.enrolment.files import DATABASE, check_new, read_database

        read_database(database) if (database / DATABASE).exists() else check_new(database)
    limits = Limits(max_seconds, max_megabytes)
    with listening(host, port) as at, temporary_folder() as folder:
        from joint.app.web.examples import write_examples
        from joint.app.web.page import build_page
        from joint.app.web.service import Service
        from joint.metrics.recognizers import load_recognizer

        outside = load_recognizer(recognizer) if recognizer else None
        models = {name: open_model(name) for name in checkpoints or [SHIPPED]}
        examples = write_examples(folder / "examples")
        service = Service(models, folder / FILES, database, outside, examples, limits)
        # A login protects the database already; without one, who started the server has the token.
        token = token_urlsafe(16) if database is not None and login is None else None
        app = application(build_page(service, queue), limits, login, token)
        print(f"joint web: {address(at, token)} (Ctrl-C ends it)", flush=True)
        serve(app, at)
