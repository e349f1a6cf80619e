"""A TCP connection to a host, direct or through a proxy, limited in time and in what the proxy may send."""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from depthactors.net.dial import dial
from depthactors.net.names import look_up

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from depthactors.net.deadline import Deadline
    from depthactors.net.proxy import Proxy

MAX_HANDSHAKE: Final = 64 * 1024
"""Bytes of the answer to a request to connect or to upgrade: its head, and the body of an error page."""
_WORDS: Final = 200
"""Characters of a proxy's answer that are repeated in an error."""
_SOCKS_REFUSALS: Final = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""The replies of RFC 1928."""
_ADDRESS_SIZES: Final = {1: 4, 4: 16}
"""Bytes of an address by its type in RFC 1928: IPv4 and IPv6. A name has its length in front."""


def open_way(
    host: str, port: int, proxy: Proxy | None, deadline: Deadline, hold: Callable[[socket.socket], None]
) -> socket.socket:
    """Connect to a host.

    Args:
        host: name or address.
        port: TCP port.
        proxy: the proxy to go through, `None` for none.
        deadline: end of all steps together.
        hold: called with each socket before anything waits on it; see `dial`.

    Raises:
        OSError: the host cannot be reached, no time is left, or the proxy refused.
    """
    if proxy is None:
        return dial(host, port, deadline, hold)
    sock = dial(proxy.host, proxy.port, deadline, hold)
    try:
        ask = _connect if proxy.scheme == "http" else _connect_socks
        ask(Metered(sock, deadline), host, port, proxy, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


class Metered:
    """A socket for a handshake: it raises if too much is received, or if the time is over."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        """Limit a socket until the deadline."""
        self._socket = sock
        self._deadline = deadline
        self._left = MAX_HANDSHAKE

    def recv(self, size: int) -> bytes:
        """Receive, within both limits."""
        # Before every read: a peer that sends single bytes gets no more time.
        self._socket.settimeout(self._deadline.left())
        data = self._socket.recv(min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            msg = f"expected an answer to the handshake of at most {MAX_HANDSHAKE} bytes, was more"
            raise ConnectionError(msg)
        return data

    def exactly(self, size: int) -> bytes:
        """Receive `size` bytes.

        Raises:
            ConnectionError: the connection ended before that.
        """
        data = b""
        while len(data) < size:
            piece = self.recv(size - len(data))
            if not piece:
                msg = "the proxy ended the connection"
                raise ConnectionError(msg)
            data += piece
        return data

    def send(self, data: bytes) -> int:
        """Send, within the time."""
        self._socket.settimeout(self._deadline.left())
        return self._socket.send(data)

    def sendall(self, data: bytes) -> None:
        """Send all of it, within the time."""
        self._socket.settimeout(self._deadline.left())
        self._socket.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


def _connect(sock: Metered, host: str, port: int, proxy: Proxy, _deadline: Deadline) -> None:
    """Have an HTTP proxy connect to the host."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.login is not None:
        lines.append(f"Proxy-Authorization: Basic {b64encode(':'.join(proxy.login).encode()).decode()}")
    sock.sendall("\r\n".join([*lines, "", ""]).encode())
    first, *_ = _head_of(sock).splitlines()
    if first.split()[1:2] != [b"200"]:
        msg = f"expected the proxy to connect to {target}, it answered {first[:_WORDS].decode('utf-8', 'replace')!r}"
        raise ConnectionError(msg)


def _head_of(sock: Metered) -> bytes:
    """Read the head of a proxy's answer, and no byte of what follows, which comes from the host."""
    head = bytearray()
    while not head.endswith((b"\n\r\n", b"\n\n")):
        head += sock.exactly(1)
    return bytes(head)


def _connect_socks(sock: Metered, host: str, port: int, proxy: Proxy, deadline: Deadline) -> None:
    """Have a SOCKS5 proxy connect to the host (RFC 1928, and RFC 1929 for user and password)."""
    methods = b"\0" if proxy.login is None else b"\0\2"
    sock.sendall(b"\5" + bytes([len(methods)]) + methods)
    version, method = sock.exactly(2)
    if version != 5:
        msg = f"expected a SOCKS5 proxy, it answered {version:#x}"
        raise ConnectionError(msg)
    if method == 2 and proxy.login is not None:
        _log_in(sock, *proxy.login)
    elif method != 0:
        msg = "expected the proxy to want a user and password, or none, it wants another kind of login"
        raise ConnectionError(msg)
    sock.sendall(b"\5\1\0" + _socks_address(host, proxy, deadline) + port.to_bytes(2, "big"))
    _, refusal, _, kind = sock.exactly(4)
    if refusal:
        words = _SOCKS_REFUSALS.get(refusal, f"error {refusal}")
        msg = f"expected the proxy to connect to {host}:{port}, it answered: {words}"
        raise ConnectionError(msg)
    # The address from which the proxy connects, which is not needed.
    sock.exactly((_ADDRESS_SIZES[kind] if kind in _ADDRESS_SIZES else sock.exactly(1)[0]) + 2)


def _log_in(sock: Metered, user: str, password: str) -> None:
    fields = [text.encode() for text in (user, password)]
    if any(len(each) > 255 for each in fields):
        msg = "expected a user and a password of at most 255 bytes for the proxy, was a longer one"
        raise ConnectionError(msg)
    sock.sendall(b"\1" + b"".join(bytes([len(each)]) + each for each in fields))
    if sock.exactly(2)[1]:
        msg = "the proxy did not accept the user and password"
        raise ConnectionError(msg)


def _socks_address(host: str, proxy: Proxy, deadline: Deadline) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        if proxy.scheme == "socks5h":
            name = host.encode("idna")
            return b"\3" + bytes([len(name)]) + name
        address = ip_address(look_up(host, 0, deadline)[0][4][0])
    return (b"\1" if address.version == 4 else b"\4") + address.packed
