"""Which requests a service lets in: so many at once, of such a size, within such a time."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from joint.units import Seconds

FORM = b"multipart/form-data"
"""The content type of a form with files."""

UPLOAD: Seconds = 60.0
"""A request whose body takes longer to arrive is given up."""

LINGER: Seconds = 5.0
"""How long the rest of a body that is too large is still taken, and thrown away: a client that is
sending reads no answer, and loses it where the connection is closed meanwhile."""


@dataclass
class Gate:
    """How many requests there may be at once, how many there are, and how large one may be."""

    places: int
    megabytes: float
    inside: int = 0


class Admission:
    """An ASGI application in front of another that refuses what is too much before it is read.

    503 where every place of the `gate` is taken, 415 for what is no form with files, 413 for a body
    that is too large, whether its header says so or not, 408 for one that is not complete in time.
    What has no body, such as a question for the state of the service, is always let in.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app, self.gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        gate = self.gate
        headers = {name.lower(): value.lower() for name, value in scope["headers"]}
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip()
        body = _Body(headers, receive, gate.megabytes)
        if gate.inside >= gate.places:
            full = f"queue: found {gate.inside} requests; expected fewer: try again later"
            refused = HTTPException(503, full, {"Retry-After": "1"})
        elif kind != FORM:
            sent = kind.decode("latin-1") or "no content type"
            refused = HTTPException(415, f"request: found {sent}; expected {FORM.decode()}")
        elif body.declared > body.most:
            refused = body.too_large(body.declared)
        else:
            gate.inside += 1
            try:
                await self.app(scope, body.receive, send)
            finally:
                gate.inside -= 1
            return
        await body.throw_away()
        answer = JSONResponse({"error": refused.detail}, refused.status_code, refused.headers)
        await answer(scope, receive, send)


class _Body:
    """The body of one request, which is counted and timed while it arrives."""

    def __init__(self, headers: Mapping[bytes, bytes], receive: Receive, megabytes: float) -> None:
        length = headers.get(b"content-length", b"")
        self.declared = int(length) if re.fullmatch(rb"\d{1,18}", length) else 0
        # A client that expects leave to send has sent nothing, and may be answered at once.
        self.asks_first = headers.get(b"expect") == b"100-continue"
        self.most, self.megabytes = round(megabytes * 1e6), megabytes
        self._receive, self._size, self._complete = receive, 0, False
        self._until = asyncio.get_running_loop().time() + UPLOAD

    async def receive(self) -> Message:
        """The next message. Raises HTTPException where the body is too large or too slow."""
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            late = f"request: found no end of its body in {UPLOAD:g} s; expected a faster upload"
            raise HTTPException(408, late) from None
        self._size += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._size > self.most:
            await self.throw_away()
            raise self.too_large(self._size)
        return message

    def too_large(self, size: int) -> HTTPException:
        """The error for a body of `size` bytes or more."""
        found = f"request: found {size / 1e6:.1f} MB or more"
        return HTTPException(413, f"{found}; expected at most {self.megabytes:g} MB")

    async def throw_away(self) -> None:
        """Take what the client is still sending, for a moment, so that it reads the answer."""
        try:
            async with asyncio.timeout(LINGER):
                while not (self._complete or self.asks_first):
                    self._complete = not (await self._receive()).get("more_body", False)
        except TimeoutError:
            return
