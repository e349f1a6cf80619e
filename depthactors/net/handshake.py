"""All that comes before the first frame of a websocket, bounded: by a deadline, and in what the other side may send.

The library's own way of connecting has neither bound, and keeps its socket to itself until TLS is done.
"""

from __future__ import annotations

import os
import ssl
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from websocket._url import get_proxy_info, parse_url

from depthactors.errors import StreamError
from depthactors.net.dial import dial

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from depthactors.net.dial import Deadline

MAX_HANDSHAKE: Final = 64 * 1024
"""Bytes of the answer to a request to connect or to upgrade: its head and what an error page may have for a body."""
_WORDS: Final = 200
"""Characters of what a proxy says that are repeated in an error."""


def open_socket(
    url: str, options: Mapping[str, Any], deadline: Deadline, hold: Callable[[socket.socket], None]
) -> socket.socket:
    """Connect to the host of a `ws://` or `wss://` address, through its proxy if it has one.

    TLS certificates and host names are verified, and there is no way to turn that off.

    Args:
        url: the address.
        options: see `websocket_options`.
        deadline: for all of it, but for the look-up of the name; see `dial`.
        hold: given each socket before anything waits on it. The last one is its receiver's to close, in any case.

    Raises:
        StreamError: the proxy refused, or is none.
        OSError: there is no way there, no time is left, or the certificate is not valid.
        ValueError: not such an address.
    """
    host, port, _, is_secure = parse_url(url)
    proxy = _proxy_of(host, options, is_secure=is_secure)
    if proxy is None:
        sock = dial(host, port, deadline, hold)
    else:
        sock = dial(proxy.host, proxy.port, deadline, hold)
        _tunnel(Metered(sock, deadline), host, port, proxy.auth)
    return _secured(sock, host, deadline, hold) if is_secure else sock


class Metered:
    """A socket to shake hands on: it raises once more was received than that takes, or when the time is over."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        """Begin with nothing received."""
        self._socket = sock
        self._deadline = deadline
        self._left = MAX_HANDSHAKE

    def recv(self, size: int) -> bytes:
        """Receive, within both bounds."""
        # Before every read: a peer that sends a byte now and then wins no time.
        self._socket.settimeout(self._deadline.left())
        data = self._socket.recv(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            msg = f"expected an answer to the handshake of at most {MAX_HANDSHAKE} bytes, was more"
            raise StreamError(msg)
        return data

    def send(self, data: bytes) -> int:
        """Send, within the time."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.send(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _Proxy(NamedTuple):
    host: str
    port: int
    auth: tuple[str, str] | None


def _proxy_of(host: str, options: Mapping[str, Any], *, is_secure: bool) -> _Proxy | None:
    """Return the proxy that was given, whatever the environment says, or else the environment's."""
    if options.get("http_proxy_host") is not None:
        return _Proxy(options["http_proxy_host"], options["http_proxy_port"], options.get("http_proxy_auth"))
    try:
        name, port, auth = get_proxy_info(host, is_secure)
    except ValueError:
        # Its words may repeat a password.
        msg = "expected the environment's proxy to be like http://host:port, was another form"
        raise StreamError(msg) from None
    return _Proxy(name, port or 80, auth) if name else None


def _tunnel(sock: Metered, host: str, port: int, auth: tuple[str, str] | None) -> None:
    """Have a proxy connect to the host."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if auth is not None:
        lines.append(f"Proxy-Authorization: Basic {b64encode(':'.join(auth).encode()).decode()}")
    sock.send("\r\n".join([*lines, "", ""]).encode())
    first, *_ = _head_of(sock).splitlines()
    if first.split()[1:2] != [b"200"]:
        msg = f"expected the proxy to connect to {target}, it answered {first[:_WORDS].decode('utf-8', 'replace')!r}"
        raise StreamError(msg)


def _head_of(sock: Metered) -> bytes:
    """Read the head of a proxy's answer and not a byte of what follows, which is the host's."""
    head = bytearray()
    while not head.endswith((b"\n\r\n", b"\n\n")):
        byte = sock.recv(1)
        if not byte:
            msg = "the proxy ended the connection"
            raise StreamError(msg)
        head += byte
    return bytes(head)


def _secured(
    sock: socket.socket, host: str, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> ssl.SSLSocket:
    context = _context()
    # The handshake comes after `hold`: wrapping takes the connection away from the socket that was held.
    secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    hold(secured)
    # For the handshake as a whole, not for each of its reads.
    secured.settimeout(deadline.left())
    secured.do_handshake()
    return secured


def _context() -> ssl.SSLContext:
    """Trust the system's authorities, or those that websocket-client's documented variable names instead."""
    bundle = os.environ.get("WEBSOCKET_CLIENT_CA_BUNDLE") or None
    if bundle is not None and Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
