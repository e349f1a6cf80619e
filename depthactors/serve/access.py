"""Who may talk to a server: the token, and the names under which a browser may have found it."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROTOCOL: Final = "depthactors"
"""The websocket subprotocol."""
_TOKEN_PROTOCOL: Final = "depthactors.token."  # noqa: S105 - no token
"""Before the token, in a second subprotocol: a browser's websocket can send no header of its own."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Access:
    """The rules of one server. Immutable.

    A page of another site can make its visitor's browser send requests to this machine (DNS rebinding), with the name
    of that site as `Host` or `Origin`. So only names of this server are taken.
    """

    def __init__(self, hosts: Iterable[str] = (), token: str | None = None) -> None:
        """Keep the rules.

        Args:
            hosts: names under which clients reach this server, beside those of the loopback interface.
            token: what each client has to know; `None` for nothing.
        """
        self._hosts = _LOOPBACK | {name.lower() for name in hosts}
        self._token = None if token is None else token.encode()

    def refusal(self, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Return the status and the reason for which a request is refused; `None` for one that may go on."""
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if _name_of(host) not in self._hosts:
            return 421, f"expected a name of this server as Host, was {host!r}"
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, f"expected a page of this server, was one of {origin!r}"
        if self._token is not None and not hmac.compare_digest(_told(headers).encode(), self._token):
            return 401, "expected the server's token, as `Authorization: Bearer TOKEN`"
        return None


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _name_of(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


def _told(headers: Mapping[str, str]) -> str:
    """Return the token of a request, empty without one."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    for name in headers.get("Sec-WebSocket-Protocol", "").split(","):
        if name.strip().startswith(_TOKEN_PROTOCOL):
            return name.strip().removeprefix(_TOKEN_PROTOCOL)
    return ""
