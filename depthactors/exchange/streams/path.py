"""What the path of a websocket connection says. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import parse_qs, unquote

from depthactors.exchange.shapes.shape import MICROSECOND, MILLISECOND

ROUTED_PREFIX: Final = "/public"
"""Where USD-M futures and options have their books; a path without it means the same and all other markets."""

MUTE_PREFIXES: Final = ("/market", "/private")
"""Where other streams are: streams of books are acknowledged there and stay silent."""

TIME_UNITS: Final = {"MILLISECOND": MILLISECOND, "MICROSECOND": MICROSECOND}


class StreamPath(NamedTuple):
    """What the path of a websocket connection says.

    Attributes:
        prefix: `/public`, `/market`, `/private`, or nothing.
        combined: whether frames have the `{"stream", "data"}` envelope.
        streams: the streams to which the path itself subscribes.
        unit: the unit of the times in spot's events, in microseconds.
    """

    prefix: str
    combined: bool
    streams: tuple[str, ...]
    unit: int = MILLISECOND


def stream_path(path: str) -> StreamPath | None:
    """Read a websocket path; `None` for a path that the exchange does not have."""
    place, _, query_text = path.partition("?")
    place = unquote(place).rstrip("/")
    prefix = next((each for each in (ROUTED_PREFIX, *MUTE_PREFIXES) if place.startswith(f"{each}/")), "")
    place = place.removeprefix(prefix)
    query = parse_qs(query_text)
    unit = TIME_UNITS.get(query.get("timeUnit", [""])[-1].upper(), MILLISECOND)
    if place == "/stream":
        return StreamPath(prefix, combined=True, streams=_names(query.get("streams", [""])[-1]), unit=unit)
    if place == "/ws" or place.startswith("/ws/"):
        # `/ws/btcusdt@depth&timeUnit=MICROSECOND` is documented, too.
        listed, _, more = place.removeprefix("/ws").partition("&")
        unit = TIME_UNITS.get(parse_qs(more).get("timeUnit", [""])[-1].upper(), unit)
        return StreamPath(prefix, combined=False, streams=_names(listed), unit=unit)
    return None


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name for name in listed.split("/") if name)
