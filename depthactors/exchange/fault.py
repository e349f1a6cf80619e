"""`Fault`: a way in which the exchange misbehaves, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from depthactors import markets
from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


class Place(Enum):
    """Where a fault strikes: what its occasions are.

    The code of a fault at an event is in `streams.event_faults`, `streams.broadcaster` or, if it concerns connections,
    `server.session`; at a subscription in `server.client`; at a connection or a handshake in `server.server`; at a
    depth request in `rest.depth_faults` and `rest.api`.
    """

    EVENT = "an event of a diff stream that has a subscriber"
    SUBSCRIBE = "a stream that a client subscribes to"
    CONNECT = "a new TCP connection"
    HANDSHAKE = "a request to open a websocket"
    REST = "a depth request"


KINDS: Final = {
    "drop": (Place.EVENT, "the event is left out"),
    "duplicate": (Place.EVENT, "the event is sent twice"),
    "reorder": (Place.EVENT, "the event is sent after the next one"),
    "delay": (Place.EVENT, "the event and those after it are held back for `seconds` (1)"),
    "burst": (Place.EVENT, "events of the symbol come ten times as fast for `seconds` (1)"),
    "split": (Place.EVENT, "the event comes in three websocket fragments"),
    "garbage": (Place.EVENT, "the event is cut in the middle and is not valid JSON"),
    "wrong-types": (Place.EVENT, "the event has a text for an id, and null for quantities"),
    "cut": (Place.EVENT, "the connections of the stream end by FIN, without a close frame"),
    "reset": (Place.EVENT, "the connections of the stream end by RST"),
    "half-open": (Place.EVENT, "the connections of the stream stay open, but nothing is sent any more, also no pong"),
    "shutdown": (Place.EVENT, "serverShutdown on the stream's connections, which end `seconds` (1) later"),
    "expire": (Place.EVENT, "the connections of the stream are closed as after 24 hours"),
    "new-ids": (Place.EVENT, "the symbol's update ids continue far below after the event; order flow only"),
    "closed": (Place.EVENT, "the symbol's session is closed for `seconds` (1): nothing changes; order flow only"),
    "unserved": (Place.SUBSCRIBE, "the subscription is acknowledged, but no event is sent"),
    "refused-subscribe": (Place.SUBSCRIBE, "the request with the stream is refused, with all its streams"),
    "too-many-streams": (
        Place.SUBSCRIBE,
        "the request is refused as one stream too many, and the connection closed",
    ),
    "refuse": (Place.CONNECT, "the connection is reset before anything is read"),
    "slow-accept": (Place.CONNECT, "nothing is read for `seconds` (1)"),
    "handshake-429": (Place.HANDSHAKE, "too many connections; `Retry-After` is `seconds` (1)"),
    "handshake-403": (Place.HANDSHAKE, "refused by a firewall; `Retry-After` is `seconds` (1), or is missing for 0"),
    "429": (Place.REST, "too many requests; `Retry-After` is `seconds` (1)"),
    "418": (Place.REST, "banned; `Retry-After` is `seconds` (1)"),
    "429-date": (Place.REST, "too many requests; `Retry-After` is a date, `seconds` (1) from now"),
    "418-body": (Place.REST, "banned for `seconds` (1); only the body says for how long"),
    "403": (Place.REST, "refused by a firewall, in HTML; `Retry-After` is `seconds` (1), or is missing for 0"),
    "500": (Place.REST, "internal error"),
    "time-out": (Place.REST, "no reply for `seconds` (1), then the connection ends"),
    "truncate": (Place.REST, "the connection ends in the middle of the body"),
    "stale": (Place.REST, "the oldest book that is kept instead of the present one"),
    "mismatch": (Place.REST, "another symbol's book"),
    "empty-snapshot": (Place.REST, "a book without a level"),
    "cached-snapshot": (Place.REST, "the present book for every request within the next `seconds` (1)"),
    "capped": (
        Place.REST,
        "at most `levels` (a random number) levels on `side` (both), if the request is for more than `above` (0)",
    ),
    "unlisted": (Place.REST, "error -1121, as for a symbol that does not exist"),
}
"""Each kind of fault: where it strikes, and what it does; in parentheses the defaults."""

DEFAULT_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the occasions at which it strikes, counted from 1 when the fault is added.

    Without `every` and `chance` it strikes once, at occasion `at`. With `every` it strikes at `at` and at
    each `every`-th occasion after it; with `chance`, at each occasion from `at` on with that probability.

    Attributes:
        kind: one of `KINDS`.
        symbol: the symbol whose occasions count, upper case; `None` for those of all symbols.
        at: the first occasion at which it may strike; by default the first, or the `every`-th.
        every: number of occasions from one strike to the next.
        count: the most strikes; by default 1, or without end with `every` or `chance`.
        chance: the probability at each occasion.
        seed: the seed of the random numbers for `chance`.
        seconds: the duration, for the kinds that have one.
        levels: the most levels a side, for `capped`; `None` for a random number at each strike.
        side: the side that is capped, `bid` or `ask`; `None` for both.
        above: the largest request that is not capped.

    Raises:
        UsageError: an unknown kind, or an invalid figure; the message names it.
    """

    kind: str
    symbol: str | None = None
    at: int | None = None
    every: int | None = None
    count: int | None = None
    chance: float | None = None
    seed: int = 0
    seconds: float = DEFAULT_SECONDS
    levels: int | None = None
    side: str | None = None
    above: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        if self.kind not in KINDS:
            msg = f"expected a fault of {', '.join(KINDS)}, was {self.kind!r}"
            raise UsageError(msg)
        if self.symbol is not None:
            if self.place in {Place.CONNECT, Place.HANDSHAKE}:
                msg = f"expected no symbol for {self.kind}, which strikes connections, was {self.symbol!r}"
                raise UsageError(msg)
            object.__setattr__(self, "symbol", markets.normalize_symbol(self.symbol))
        self._check_figures()

    @property
    def place(self) -> Place:
        """Where it strikes."""
        return KINDS[self.kind][0]

    @property
    def most(self) -> int | None:
        """The most strikes; `None` for no end."""
        if self.count is None and self.every is None and self.chance is None:
            return 1
        return self.count

    def is_due(self, occasion: int, draw: float) -> bool:
        """Return whether it strikes at an occasion (from 1); `draw` is a random number in [0, 1)."""
        first = self.at if self.at is not None else (self.every or 1)
        if occasion < first:
            return False
        if self.chance is not None:
            return draw < self.chance
        return self.every is None or (occasion - first) % self.every == 0

    def _check_figures(self) -> None:
        if self.side not in {None, "bid", "ask"}:
            msg = f"expected side of {self.kind} to be bid or ask, was {self.side!r}"
            raise UsageError(msg)
        if type(self.above) is not int or self.above < 0:
            msg = f"expected above of {self.kind} to be a whole number of at least 0, was {self.above!r}"
            raise UsageError(msg)
        for name in ("at", "every", "count", "levels"):
            value = getattr(self, name)
            if value is not None and not (type(value) is int and value > 0):
                msg = f"expected {name} of {self.kind} to be a whole number above zero, was {value!r}"
                raise UsageError(msg)
        for name in ("chance", "seconds"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
                msg = f"expected {name} of {self.kind} to be a number, was {value!r}"
                raise UsageError(msg)
        if self.chance is not None and not 0 < self.chance <= 1:
            msg = f"expected chance of {self.kind} above 0 and at most 1, was {self.chance!r}"
            raise UsageError(msg)
        if self.every is not None and self.chance is not None:
            msg = f"expected either every or chance for {self.kind}, were both"
            raise UsageError(msg)
        if not 0 <= self.seconds < float("inf"):
            msg = f"expected seconds of {self.kind} of at least 0, was {self.seconds!r}"
            raise UsageError(msg)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kind` or `kind:name=value,...`, as on the command line: `drop:symbol=BTCUSDT,every=50`.

        Raises:
            UsageError: a text of another form, or values that the constructor refuses.
        """
        kind, _, listed = text.partition(":")
        values: dict[str, Any] = {}
        for part in filter(None, listed.split(",")):
            name, mark, value = part.partition("=")
            if not mark or name not in _READERS:
                msg = f"expected KIND:NAME=VALUE,... with a NAME of {', '.join(_READERS)}, was {text!r}"
                raise UsageError(msg)
            try:
                values[name] = _READERS[name](value)
            except ValueError:
                msg = f"expected a number for {name}, was {value!r} in {text!r}"
                raise UsageError(msg) from None
        return cls(kind, **values)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "symbol": str,
    "at": int,
    "every": int,
    "count": int,
    "chance": float,
    "seed": int,
    "seconds": float,
    "levels": int,
    "side": str,
    "above": int,
}
