"""What a service that others send recordings to takes, and the socket that it listens on."""

import socket
from dataclasses import dataclass

from joint.errors import JointError
from joint.units import Seconds


@dataclass(frozen=True)
class Limits:
    """The largest request in `megabytes`, the `seconds` of all recordings of one request, and the
    number of requests that may be `waiting` at once, with the one that is computed."""

    megabytes: float = 64.0
    seconds: Seconds = 600.0
    waiting: int = 64


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; port 0 is any that is free.

    Raises JointError for a port in use, and for what is no address of this machine.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        found = (getattr(error, "strerror", None) or str(error)).lower()
        expected = "an address of this machine and a free port: --host, --port"
        raise JointError(where, found, expected) from None
