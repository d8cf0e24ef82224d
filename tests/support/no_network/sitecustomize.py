"""Put on PYTHONPATH of a program under test: whatever it tries to reach outside is refused and noted.

The note goes to the file that QUOTHTEST_NETWORK_LOG names, so that a test can tell that nothing
was even tried.
"""

import os
import socket
from typing import Any

_connect, _resolve = socket.socket.connect, socket.getaddrinfo
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")


def _refuse(what: object) -> OSError:
    with open(os.environ["QUOTHTEST_NETWORK_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{what}\n")
    return OSError(101, "Network is unreachable")


def connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_LOCAL):
        raise _refuse(address)
    _connect(self, address)


def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
    if host is not None and not str(host).startswith(_LOCAL):
        raise _refuse(host)
    return _resolve(host, *rest, **more)


socket.socket.connect = connect  # type: ignore[method-assign]
socket.getaddrinfo = getaddrinfo
