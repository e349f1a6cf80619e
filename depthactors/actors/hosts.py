"""The REST hosts of a weight pool: which of them fail, and when the next request may be sent to each. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.pacing import HostPace

if TYPE_CHECKING:
    from depthactors.errors import DepthActorsError
    from depthactors.pacing import Backoff


class Hosts:
    """One `HostPace` for each address, with the reason why the host counts as failing. `now` is monotonic."""

    def __init__(self, backoff: Backoff) -> None:
        """Begin with all hosts well; `backoff` has the waits between requests to a host that fails."""
        self._backoff = backoff
        self._paces: dict[str, HostPace] = {}
        self._failures: dict[str, DepthActorsError] = {}

    def left(self, url: str, now: float) -> float:
        """Return the seconds until a request may be sent to the host, 0 for now."""
        return self._pace(url).left(now)

    def why_not(self, url: str, now: float) -> DepthActorsError | None:
        """Return why no request may be sent to the host now, `None` if one may."""
        return self._failures.get(url) if self.left(url, now) else None

    def sent(self, url: str, now: float) -> None:
        """Note that a request was sent."""
        self._pace(url).sent(now)

    def answered(self, url: str) -> None:
        """Note an answer, of whatever kind: the host is well."""
        self._pace(url).answered()
        self._failures.pop(url, None)

    def failed(self, url: str, error: DepthActorsError, now: float, uniform: float) -> bool:
        """Note that a request brought no answer; returns whether the host counts as failing, see `HostPace.failed`."""
        is_failing = self._pace(url).failed(now, uniform)
        if is_failing:
            self._failures[url] = error
        return is_failing

    def _pace(self, url: str) -> HostPace:
        return self._paces.setdefault(url, HostPace(self._backoff))
