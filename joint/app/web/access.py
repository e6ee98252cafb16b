"""Who may see the page, and what the page may load."""

import base64
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from joint.errors import ConfigError
from joint.files import read_lines

COOKIE, QUERY = "joint-token", "token"
NO_TOKEN = "Open the address that `joint web` printed: it has the token of this server.\n"
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "object-src 'none'; frame-ancestors 'self'; form-action 'self'"
)
"""The browser loads nothing from other servers, whatever a library's page asks for."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",  # the address has the token once
    "X-Content-Type-Options": "nosniff",
}

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Login:
    """The name and the password that a browser must send with every request (RFC 7617)."""

    user: str
    password: str

    def allows(self, request: Request) -> bool:
        """Whether the request has them."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        expected = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return kind.lower() == "basic" and secrets.compare_digest(
            given.strip().encode(), expected.encode()
        )


def read_login(given: str) -> Login:
    """The login of `USER:FILE`, where the first line of FILE is the password.

    Raises ConfigError for another form and an empty password, DataError for a file that cannot be
    read.
    """
    user, _, file = given.partition(":")
    if not user or not file:
        raise ConfigError("--auth", repr(given), "USER:PASSWORD-FILE")
    password = next(read_lines(Path(file), "a file with the password in its first line"), "")
    if not password:
        raise ConfigError("--auth", f"no password in {file}", "one in its first line")
    return Login(user, password)


def address(at: socket.socket, token: str | None = None) -> str:
    """What a browser opens: the address of a socket, with the token."""
    host, port = at.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/{f'?{QUERY}={token}' if token else ''}"


class Access:
    """Every request of an ASGI app needs the `login`, or else the `token`, where there is one.

    The token comes once in the address, then in a cookie, so that no other user of the machine and
    no other page of the browser reaches the server.
    """

    def __init__(self, app: App, login: Login | None = None, token: str | None = None) -> None:
        self.app, self.login, self.token = app, login, token

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":  # the page has no websockets
            await self.app(scope, receive, send) if scope["type"] == "lifespan" else None
            return
        refusal = self._refusal(Request(scope))
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self.app(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        """What is answered instead; None where the request may pass."""
        if self.login is not None:
            if self.login.allows(request):
                return None
            asks = {"WWW-Authenticate": 'Basic realm="joint", charset="UTF-8"'}
            return PlainTextResponse("User name and password are needed.\n", 401, asks)
        if self.token is None or _same(request.cookies.get(self._cookie(request)), self.token):
            return None
        if _same(request.query_params.get(QUERY), self.token):
            welcome = RedirectResponse(request.url.path, 303)
            welcome.set_cookie(
                self._cookie(request), self.token, httponly=True, samesite="lax", path="/"
            )
            return welcome
        return PlainTextResponse(NO_TOKEN, 401)

    @staticmethod
    def _cookie(request: Request) -> str:
        """Browsers send a cookie to all ports of a host: each server's has a name of its own."""
        return f"{COOKIE}-{request.url.port or 80}"


def _same(given: str | None, expected: str) -> bool:
    return given is not None and secrets.compare_digest(given.encode(), expected.encode())
