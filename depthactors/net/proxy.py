"""The proxy that leads to an address, chosen alike for REST and streams.

It is the program's own, if there is one; else the environment's: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, in upper or
lower case, with the exceptions of `NO_PROXY`. This machine itself is never reached through a proxy of the environment.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from depthactors.errors import UsageError

_PORTS: Final = {"http": 80, "socks5": 1080, "socks5h": 1080}
"""The schemes of proxies that can be used, and each one's usual port."""
_PLAIN: Final = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its text never has the password.

    Attributes:
        scheme: `http` (CONNECT), `socks5` (names are looked up here) or `socks5h` (there).
        host: name or address.
        port: TCP port.
        login: user and password, `None` for neither.
    """

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_proxy(text: object, source: str = "a proxy") -> Proxy:
    """Read a proxy's address: `http://user:password@host:port`, `socks5://...`, `socks5h://...` or `host:port`.

    Args:
        text: the address.
        source: words for where it was found, for an error.

    Raises:
        UsageError: another form; the message does not repeat it, since it may have a password.
    """
    address = text if isinstance(text, str) else ""
    has_scheme = "://" in address
    try:
        parts = urlsplit(address if has_scheme else f"http://{address}")
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        parts, scheme, host, port = urlsplit(""), "", None, None
    if scheme == "https" and host is not None:
        words = "a proxy that is itself reached by TLS cannot be used. Most proxies for https take http://host:port"
        msg = f"expected {source} like http://host:port, was https://: {words}"
        raise UsageError(msg)
    if host is None or scheme not in _PORTS or (port is None and not has_scheme) or parts.path not in {"", "/"}:
        msg = f"expected {source} like http://host:port or socks5h://host:port, was another form"
        raise UsageError(msg)
    login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(scheme, host, port or _PORTS[scheme], login)


def proxy_for(url: str, given: Proxy | None) -> Proxy | None:
    """Return the proxy through which an address is to be reached, `None` for none.

    Args:
        url: `http://`, `https://`, `ws://` or `wss://`.
        given: the program's own proxy, for every address; `None` for the environment's.

    Raises:
        UsageError: the environment names a proxy that cannot be used.
    """
    if given is not None:
        return given
    parts = urlsplit(url)
    scheme = _PLAIN.get(parts.scheme, parts.scheme)
    found = getproxies()
    address = found.get(scheme) or found.get("all")
    host = parts.hostname or ""
    if not address or _is_this_machine(host) or proxy_bypass(parts.netloc) or _is_within(host, found.get("no", "")):
        return None
    variable = f"{scheme}_proxy" if found.get(scheme) else "all_proxy"
    return parse_proxy(address, f"the environment's {variable.upper()}")


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_within(host: str, exceptions: str) -> bool:
    """Return whether a host is an address within a network that `NO_PROXY` lists, such as `10.0.0.0/8`."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    for each in exceptions.split(","):
        with suppress(ValueError):
            if address in ip_network(each.strip(), strict=False):
                return True
    return False
