"""The socket that a service listens on."""

import os
import socket
from ipaddress import ip_address

from joint.errors import JointError


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; port 0 is any that is free.

    Raises JointError for a port in use, and for what is no address of this machine.
    """
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        code = getattr(error, "errno", None) or 0
        found = (os.strerror(code) if code > 0 else str(error)).lower()
        expected = "an address of this machine and a free port: --host, --port"
        raise JointError(where, found, expected) from None


def address_of(listener: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_local(host: str) -> bool:
    """Whether this machine alone reaches `host`."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
