"""The server of the page: its socket, its temporary files, who may see it."""

import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from joint.app.limits import Limits
from joint.errors import JointError

if TYPE_CHECKING:
    import gradio as gr
    from fastapi import FastAPI

    from joint.app.web.access import Login

LAST_ANSWERS = 5
"""Seconds for the requests that are being answered when the server is stopped."""

MEGABYTE = 1_000_000
PREFIX, FILES = "joint-web-", "files"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder for the examples of a server, and in it `FILES` for what it is sent and makes, of
    which gradio deletes what is old. Removed at the end, those of killed servers at the beginning.
    """
    for left_over in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        process = left_over.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(left_over, ignore_errors=True)  # another user's stays
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as name:
        folder = Path(name)
        (folder / FILES).mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(folder / FILES)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        yield folder


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def application(
    page: "gr.Blocks", limits: Limits, login: "Login | None" = None, token: str | None = None
) -> "FastAPI":
    """The page as an ASGI application, for who has the login, or the token, where there is one."""
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware import Middleware

    from joint.app.web.access import Access
    from joint.app.web.markup import CSS

    app = FastAPI(middleware=[Middleware(Access, login=login, token=token)], openapi_url=None)
    return gr.mount_gradio_app(
        app,
        page,
        "/",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=False,
        max_file_size=round(limits.megabytes * MEGABYTE),
        css=CSS,
    )


def serve(app: "FastAPI", at: socket.socket) -> None:
    """Serve an application at a socket until the process is told to stop."""
    import uvicorn

    # Once uvicorn has stopped it repeats the signal, which would end the process at once.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Its errors are the requests that a stop has ended, a page of text each; ours print themselves.
    settings = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=LAST_ANSWERS)
    uvicorn.Server(settings).run(sockets=[at])


def check_gradio() -> None:
    """Raise JointError where the extra `web` is not installed."""
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        expected = "the extra `web` (pip install 'joint-speaker[web]')"
        raise JointError("gradio", "no such package", expected) from error
