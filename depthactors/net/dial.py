"""A TCP connection, made by a deadline, which another thread can end at any moment."""

from __future__ import annotations

import errno
import os
import selectors
import socket
from typing import TYPE_CHECKING, Any, Final

from depthactors import reporting
from depthactors.net.names import look_up
from depthactors.private_names import shut_down_system_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from depthactors.net.deadline import Deadline

logger = reporting.logger(__name__)

_UNDER_WAY: Final = {errno.EINPROGRESS, errno.EWOULDBLOCK}
"""What `connect_ex` says of a connection that is not made yet; the second on Windows."""


def dial(host: str, port: int, deadline: Deadline, hold: Callable[[socket.socket], None]) -> socket.socket:
    """Connect to the first of a host's addresses that answers.

    Each address gets half of the time that is left, the last one all of it.

    Args:
        host: name or address.
        port: TCP port.
        deadline: end of the look-up of the name and of all addresses together.
        hold: called with each socket before it connects and again when it has begun to, so that another thread can
            shut it down. It may raise an `OSError` to prevent the connection.

    Raises:
        OSError: there is no address, or none answered; a `TimeoutError` if that took all the time. It names host and
            port.
    """
    found = look_up(host, port, deadline)
    failure = OSError(f"no address of {host}")
    for others in reversed(range(len(found))):
        try:
            return _reached(found[-1 - others], deadline.left() / (2 if others else 1), hold)
        except OSError as error:
            failure = error
    if failure.errno is not None:
        # The system's error does not name them.
        raise OSError(failure.errno, f"{failure.strerror}: {host} port {port}") from failure
    if isinstance(failure, TimeoutError):
        msg = f"no connection to {host} port {port}: {failure}"
        raise TimeoutError(msg) from failure
    raise failure


def shut_down(sock: socket.socket) -> None:
    """Release every thread that waits on a socket. Thread: any."""
    # Not by an SSLSocket's own method: it drops the encryption first, and another thread might send plain text.
    try:
        if shut_down_system_socket(sock, socket.SHUT_RDWR):
            return
        # Sockets of gevent and eventlet are not the system's; of eventlet's only the instance has the method.
        of_class: Any = getattr(socket.socket, "shutdown", None)
        if of_class is None:
            sock.shutdown(socket.SHUT_RDWR)
        else:
            of_class(sock, socket.SHUT_RDWR)
    except OSError as error:
        logger.debug("= a socket was closed already: %s", error)


def takes_bytes(sock: socket.socket) -> bool:
    """Return whether a few bytes can be sent at once: the peer has read most of the earlier ones. Thread: any."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            return bool(selector.select(0))
    except (OSError, ValueError):
        # It is closed, so that a send fails at once; or the process has no descriptor left, and a send needs none.
        return True


def _reached(found: tuple[Any, ...], seconds: float, hold: Callable[[socket.socket], None]) -> socket.socket:
    """Connect to one address as `getaddrinfo` describes it."""
    family, kind, protocol, _, address = found
    sock = socket.socket(family, kind, protocol)
    try:
        hold(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        result = sock.connect_ex(address)
        # A socket cannot be shut down before it has begun to connect: what came until here is noticed by `hold`.
        hold(sock)
        if result in _UNDER_WAY:
            result = _end_of_connecting(sock, seconds)
        _check(result)
        sock.settimeout(seconds)
    except BaseException:
        sock.close()
        raise
    return sock


def _end_of_connecting(sock: socket.socket, seconds: float) -> int:
    """Wait until a socket is connected or has failed to, and return the system's error number, 0 for none."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        if not selector.select(seconds):
            msg = "timed out"
            raise TimeoutError(msg)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _check(result: int) -> None:
    if result:
        raise OSError(result, os.strerror(result))
