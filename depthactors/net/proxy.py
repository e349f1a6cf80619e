"""One proxy address, as both libraries want it."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from depthactors.errors import UsageError


def websocket_options(proxy: str | None) -> dict[str, Any]:
    """Return websocket-client's options for an `http://user:password@host:port` proxy.

    Without one, the environment's proxies and exceptions hold, as each library reads them; with one, they do not.

    Raises:
        UsageError: not an address; the message does not repeat it, it may hold a password.
    """
    if proxy is None:
        return {}
    try:
        parts = urlsplit(_with_scheme(proxy))
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if host is None or scheme not in {"http", "https"}:
        msg = "expected a proxy like http://host:port, was another form"
        raise UsageError(msg) from None
    options: dict[str, Any] = {"http_proxy_host": host, "http_proxy_port": port or 80, "proxy_type": "http"}
    if parts.username is not None:
        options["http_proxy_auth"] = (unquote(parts.username), unquote(parts.password or ""))
    return options


def requests_proxies(proxy: str | None) -> dict[str, str]:
    """Return requests' mapping for the same address."""
    return {} if proxy is None else dict.fromkeys(("http", "https"), _with_scheme(proxy))


def _with_scheme(proxy: str) -> str:
    return proxy if "//" in proxy else f"http://{proxy}"
