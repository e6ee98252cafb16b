"""The socket of a service: one clear line where it cannot be had."""

import pytest

from joint.app.listening import listening
from joint.errors import JointError


def test_a_port_in_use_is_named() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(JointError, match=f"127.0.0.1:{port}: found .*in use"):
            listening("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 300])
def test_another_machines_address_is_refused(host: str) -> None:
    with pytest.raises(JointError, match=r"expected an address of this machine"):
        listening(host, 0)
