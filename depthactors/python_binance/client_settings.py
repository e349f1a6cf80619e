"""From a client's time-outs and proxy to the engine's settings."""

from __future__ import annotations

from typing import Any, Final
from urllib.request import getproxies

from depthactors.errors import UsageError

_USUAL_TIMEOUT: Final = 10
"""Seconds: the default of python-binance's `REQUEST_TIMEOUT`, which no program has asked for."""
_SCHEMES: Final = ("https", "all", "http")


def settings_of(client: Any) -> dict[str, Any]:
    """Return the engine's settings that a client's time-outs and proxy mean.

    A time-out is what requests takes: seconds, or a pair of them for connecting and reading.

    Args:
        client: a `Client` of this package or of python-binance, or `None`.

    Raises:
        UsageError: the client asks for what the engine cannot do, such as TLS that is not verified.
    """
    params = _mapping(client, "requests_params")
    session = _mapping(client, "session_params")
    _refuse("requests_params", params, {"timeout", "proxies", "verify"})
    _refuse("session_params", session, {"proxy", "trust_env"})
    own = getattr(client, "session", None)
    _check_tls("requests_params['verify']", params.get("verify"))
    _check_tls("session.verify", getattr(own, "verify", None))
    if getattr(own, "cert", None) is not None:
        msg = "expected a client without session.cert, was one with a certificate of its own"
        raise UsageError(msg)
    if getattr(own, "trust_env", None) is False and hasattr(own, "proxies") and getproxies():
        msg = "expected a client that uses the environment's proxies, was one with session.trust_env=False"
        raise UsageError(msg)
    unit = getattr(client, "TIME_UNIT", None)
    if unit not in {None, "MILLISECOND", "millisecond"}:
        msg = f"expected a client with time_unit MILLISECOND, which update_time is in, was {unit!r}"
        raise UsageError(msg)
    proxy = (
        getattr(client, "https_proxy", None)
        or _proxy("requests_params['proxies']", params.get("proxies"))
        or session.get("proxy")
        or _proxy("session.proxies", getattr(own, "proxies", None))
    )
    timeout = params.get("timeout")
    if timeout is None:
        usual = getattr(client, "REQUEST_TIMEOUT", _USUAL_TIMEOUT)
        timeout = None if usual == _USUAL_TIMEOUT else usual
    return {"proxy": proxy} | _timeouts(timeout)


def _mapping(client: Any, name: str) -> dict[str, Any]:
    """Return a mapping of a client; python-binance's keeps it under a private name."""
    given = getattr(client, name, None) or getattr(client, f"_{name}", None) or {}
    if not isinstance(given, dict):
        msg = f"expected {name} as a dict, was a {type(given).__name__}"
        raise UsageError(msg)
    return given


def _refuse(name: str, given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(str(key) for key, value in given.items() if key not in known and value is not None)
    if unknown:
        msg = f"expected {name} with {', '.join(sorted(known))} alone, was one with {', '.join(unknown)}"
        raise UsageError(msg)


def _check_tls(name: str, verify: Any) -> None:
    if verify is not None and verify is not True:
        msg = f"expected {name} of True, was {verify!r}: TLS is verified, always, by the environment's certificates"
        raise UsageError(msg)


def _proxy(name: str, proxies: Any) -> str | None:
    """Choose the one proxy of a mapping by scheme; no message has an address in it, which may hold a password."""
    given = {str(key): value for key, value in (proxies or {}).items() if value}
    if unknown := sorted(set(given) - set(_SCHEMES)):
        msg = f"expected {name} by scheme ({', '.join(_SCHEMES)}), was one with {', '.join(unknown)}"
        raise UsageError(msg)
    return next((given[scheme] for scheme in _SCHEMES if scheme in given), None)


def _timeouts(timeout: Any) -> dict[str, Any]:
    if timeout is None:
        return {}
    both = timeout if isinstance(timeout, tuple) and len(timeout) == 2 else (timeout, timeout)
    given = zip(("connect_timeout", "read_timeout"), both, strict=True)
    return {name: seconds for name, seconds in given if seconds is not None}
