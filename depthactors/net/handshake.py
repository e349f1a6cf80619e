"""All that comes before the first frame of a websocket, bounded: by a deadline, and in what the other side may send.

The library's own way of connecting has neither bound, and keeps its socket to itself until TLS is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from websocket._url import parse_url

from depthactors.net.certificates import trusting_context
from depthactors.net.tunnel import open_way

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from depthactors.net.dial import Deadline
    from depthactors.net.proxy import Proxy


def open_socket(
    url: str, proxy: Proxy | None, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> socket.socket:
    """Connect to the host of a `ws://` or `wss://` address.

    TLS certificates and host names are verified, and there is no way to turn that off.

    Args:
        url: the address.
        proxy: the proxy to go through, `None` for none.
        deadline: the end of all of it.
        hold: given each socket before anything waits on it. The last one is its receiver's to close, in any case.

    Raises:
        OSError: there is no way there, no time is left, the proxy refused, or the certificate is not valid.
        ValueError: not such an address.
    """
    host, port, _, is_secure = parse_url(url)
    sock = open_way(host, port, proxy, deadline, hold)
    return _secured(sock, host, deadline, hold) if is_secure else sock


def _secured(
    sock: socket.socket, host: str, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> ssl.SSLSocket:
    context = trusting_context()
    # The handshake comes after `hold`: wrapping takes the connection away from the socket that was held.
    secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    hold(secured)
    # For the handshake as a whole, not for each of its reads.
    secured.settimeout(deadline.left())
    secured.do_handshake()
    return secured
