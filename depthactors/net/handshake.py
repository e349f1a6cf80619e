"""A connection to a host by TCP or TLS, made by a deadline, which another thread can end at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from depthactors.net.certificates import trusting_context
from depthactors.net.tunnel import open_way

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from depthactors.net.deadline import Deadline
    from depthactors.net.proxy import Proxy


_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SECURE: Final = {"https", "wss"}


def open_socket(
    url: str, proxy: Proxy | None, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> socket.socket:
    """Connect to the host of an address.

    TLS certificates and host names are verified, and there is no way to turn that off.

    Args:
        url: `http://`, `https://`, `ws://` or `wss://`.
        proxy: the proxy to go through, `None` for none.
        deadline: end of all steps together.
        hold: called with each socket before anything waits on it; see `dial`.

    Raises:
        OSError: the host cannot be reached, no time is left, the proxy refused, or the certificate is not valid.
        ValueError: not such an address.
    """
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    if not host or port is None:
        msg = f"expected the address of a host, was {url!r:.200}"
        raise ValueError(msg)
    sock = open_way(host, port, proxy, deadline, hold)
    if parts.scheme not in _SECURE:
        return sock
    try:
        return _secured(sock, host, deadline, hold)
    except BaseException:
        sock.close()
        raise


def _secured(
    sock: socket.socket, host: str, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> ssl.SSLSocket:
    context = trusting_context()
    # The handshake comes after `hold`: wrapping moves the connection to another socket object, which must be held.
    secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    try:
        hold(secured)
        # It limits the handshake as a whole, not each of its reads.
        secured.settimeout(deadline.left())
        secured.do_handshake()
    except BaseException:
        secured.close()
        raise
    return secured
