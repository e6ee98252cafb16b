"""Errors as a service answers them: a status, and one line in JSON."""

import errno
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from joint.errors import CheckpointError, JointError, TooLongError

TOO_LARGE, UNUSABLE, FAILED, LACKING, NO_ROOM = 413, 422, 500, 501, 507


def answer_errors(app: FastAPI) -> None:
    """Have `app` answer every error as `{"error": LINE}`.

    413 for a recording that is too long, 422 for other bad input, 501 for what the checkpoint or
    the server's options do not have, 507 where the disk is full, and 500, with a line that tells
    nothing of the server, for what should not happen.
    """
    app.add_exception_handler(JointError, _bad_input)
    app.add_exception_handler(RequestValidationError, _bad_form)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _system)
    app.add_exception_handler(Exception, _unexpected)


def line(status: int, text: str, headers: Any = None) -> JSONResponse:
    """An error's answer."""
    return JSONResponse({"error": " ".join(text.split())}, status, headers)


async def _bad_input(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, JointError)
    status = TOO_LARGE if isinstance(error, TooLongError) else UNUSABLE
    if isinstance(error, CheckpointError):
        status = LACKING
    where = PurePath(error.where).name  # the server's folders are no business of its clients
    return line(status, str(JointError(where, error.found, error.expected)))


async def _bad_form(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found: Sequence[Any] = error.errors()
    where = ".".join(str(part) for part in found[0]["loc"][1:]) or "request"
    missing = found[0]["type"] == "missing"
    text = ("nothing", "a value") if missing else ("a bad value", found[0]["msg"])
    return line(UNUSABLE, str(JointError(where, *text)))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):  # met while the body was written to a temporary file
        return await _system(request, error.__cause__)
    return line(error.status_code, str(error.detail), error.headers)


async def _system(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    found = (error.strerror or "an error of the system").lower()
    status = NO_ROOM if error.errno in (errno.ENOSPC, errno.EDQUOT) else FAILED
    return line(status, f"server: found {found}; expected a place for temporary files")


async def _unexpected(_: Request, __: Exception) -> JSONResponse:
    # Starlette raises it again afterwards, and uvicorn prints it.
    return line(FAILED, "server: found an unexpected error; expected none: its terminal has more")
