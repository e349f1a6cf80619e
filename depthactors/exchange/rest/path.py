"""What the path of a REST request says. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qs

from depthactors.markets import MARKETS

ENDPOINTS: Final = ("depth", "ping", "time", "exchangeInfo")


class RestPath(NamedTuple):
    """What a REST path says.

    Attributes:
        endpoint: one of `ENDPOINTS`.
        depth_path: the path of depth requests beside it; several markets can have the same one.
        query: the parameters, each with its last value.
    """

    endpoint: str
    depth_path: str
    query: dict[str, str]

    @property
    def is_depth(self) -> bool:
        """Whether it is a depth request."""
        return self.endpoint == "depth"


def rest_path(path: str) -> RestPath | None:
    """Read a REST path; `None` for a path that the exchange does not have."""
    place, _, query_text = path.partition("?")
    base, _, endpoint = place.rpartition("/")
    depth_path = f"{base}/depth"
    if endpoint not in ENDPOINTS or all(row.depth_path != depth_path for row in MARKETS.values()):
        return None
    values = parse_qs(query_text, keep_blank_values=True)
    return RestPath(endpoint, depth_path, {name: each[-1] for name, each in values.items()})
