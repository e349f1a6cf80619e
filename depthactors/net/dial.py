"""A TCP connection, made within a deadline and within the reach of other threads."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from depthactors import reporting
from depthactors.net.names import look_up
from depthactors.private_names import shut_down_system_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.net.deadline import Deadline

logger = reporting.logger(__name__)


def dial(host: str, port: int, deadline: Deadline, hold: Callable[[socket.socket], None]) -> socket.socket:
    """Connect to the first of a host's addresses that answers.

    An address gets half of the time that is left, the last one all of it.

    Args:
        host: name or address.
        port: number of the TCP port.
        deadline: the end of the look-up of the name and all addresses together.
        hold: given each socket before it is connected, so that another thread can shut it down. It may raise an
            `OSError` to forbid that.

    Raises:
        OSError: there is no address, or none answered; a `TimeoutError` if that took all the time. Names host and port.
    """
    found = look_up(host, port, deadline)
    failure = OSError(f"no address of {host}")
    for others in reversed(range(len(found))):
        try:
            return _reached(found[-1 - others], deadline.left() / (2 if others else 1), hold)
        except OSError as error:
            failure = error
    if failure.errno is not None:
        # As the system has it, without saying for what.
        raise OSError(failure.errno, f"{failure.strerror}: {host} port {port}") from failure
    if isinstance(failure, TimeoutError):
        msg = f"no connection to {host} port {port}: {failure}"
        raise TimeoutError(msg) from failure
    raise failure


def shut_down(sock: socket.socket) -> None:
    """Unblock whoever waits on a socket, whatever for; any thread."""
    # Not an SSLSocket's own method: that one forgets the encryption first, and what its thread sends is plain.
    try:
        if shut_down_system_socket(sock, socket.SHUT_RDWR):
            return
        # gevent's and eventlet's are no sockets of the system; of eventlet's only the instance has the method.
        of_class: Any = getattr(socket.socket, "shutdown", None)
        if of_class is None:
            sock.shutdown(socket.SHUT_RDWR)
        else:
            of_class(sock, socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("= a socket was over already: %s", error)


def _reached(found: tuple[Any, ...], seconds: float, hold: Callable[[socket.socket], None]) -> socket.socket:
    """Connect to one address as `getaddrinfo` describes it."""
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        hold(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(seconds)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
