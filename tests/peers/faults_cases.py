"""The troubles that both clients are put to."""

from typing import NamedTuple

from faults_client import SYMBOL

from depthactors.exchange import Fault

SECONDS = 25.0
LONGER = 45.0
"""Seconds, where the waits between the tries of either client add up to more than the usual time."""
LONGEST = 60.0
"""Seconds, where nothing but silence tells what is wrong."""


class Case(NamedTuple):
    """One trouble.

    Attributes:
        name: for `--only`.
        words: for the table.
        faults: of the exchange, in the order in which they are injected; the last one sets the others off.
        order: what the client's callback is told to do.
        gone: seconds for which there is no exchange.
        seconds: for which the client is watched.
    """

    name: str
    words: str
    faults: tuple[Fault, ...] = ()
    order: str = ""
    gone: float = 0.0
    seconds: float = SECONDS


def _event(kind, words=None, seconds=1.0, watched=SECONDS):
    return Case(kind, words or kind, (Fault(kind, SYMBOL, seconds=seconds),), seconds=watched)


def _reconnect(fault, words, watched=SECONDS):
    return Case(fault.kind, words, (fault, Fault("cut", SYMBOL)), seconds=watched)


def _snapshot(kind, words, seconds=1.0):
    """Let the next two snapshots fail, and see to it that one is needed."""
    return Case(kind, words, (Fault(kind, SYMBOL, count=2, seconds=seconds), Fault("drop", SYMBOL)))


CASES = (
    _event("drop", "an event is lost"),
    _event("duplicate", "an event comes twice"),
    _event("reorder", "two events change places"),
    _event("delay", "events are held back for 2 s", 2.0),
    _event("burst", "events come ten times as fast for 2 s", 2.0),
    _event("split", "an event comes in three fragments"),
    _event("garbage", "an event is no JSON"),
    _event("wrong-types", "an event has wrong types"),
    _event("new-ids", "the update ids begin anew, on the same connection"),
    _event("closed", "the symbol's session is closed for 5 s", 5.0),
    _event("cut", "the connection ends without a close frame"),
    _event("reset", "the connection is reset"),
    _event("half-open", "the connection goes silent and stays open", watched=LONGEST),
    _event("shutdown", "the server says that it shuts down, and does 3 s later", 3.0),
    _event("expire", "the connection is closed as after 24 hours"),
    _reconnect(Fault("unserved", SYMBOL), "a cut, then a subscription that is acked and not served", LONGEST),
    _reconnect(Fault("refuse", count=3), "a cut, then three refused connections", LONGER),
    _reconnect(Fault("slow-accept", seconds=3.0), "a cut, then a connection that is served after 3 s"),
    _reconnect(Fault("refused-subscribe", SYMBOL, count=2), "a cut, then a subscription that is refused twice"),
    _reconnect(Fault("too-many-streams", SYMBOL), "a cut, then a subscription that is a stream too many", LONGER),
    _reconnect(Fault("handshake-429", count=2, seconds=3.0), "a cut, then a handshake refused twice: 429, 3 s"),
    _reconnect(Fault("handshake-403", count=2, seconds=3.0), "a cut, then a handshake refused twice: 403, 3 s"),
    _snapshot("429", "a lost event, and snapshots are refused twice: 429, 3 s", 3.0),
    _snapshot("418", "a lost event, and snapshots are refused twice: 418, 5 s", 5.0),
    _snapshot("429-date", "a lost event, and snapshots are refused twice: 429, until a date 3 s away", 3.0),
    _snapshot("418-body", "a lost event, and snapshots are refused twice: 418, 5 s, said in the body", 5.0),
    _snapshot("403", "a lost event, and snapshots are refused by a firewall twice, 3 s", 3.0),
    _snapshot("500", "a lost event, and snapshots fail twice: 500"),
    _snapshot("time-out", "a lost event, and snapshots are not answered twice, 4 s each", 4.0),
    _snapshot("truncate", "a lost event, and snapshots are cut short twice"),
    _snapshot("stale", "a lost event, and snapshots are the oldest book twice"),
    _snapshot("mismatch", "a lost event, and snapshots are another symbol's book twice"),
    _snapshot("empty-snapshot", "a lost event, and snapshots are empty twice"),
    _snapshot("cached-snapshot", "a lost event, and snapshots come from a cache for 5 s, twice", 5.0),
    _snapshot("capped", "a lost event, and snapshots have fewer levels than were asked for twice"),
    _snapshot("unlisted", "a lost event, and the symbol is said not to be listed twice"),
    Case("exchange-gone", "the exchange is gone for 8 s", gone=8.0, seconds=LONGER),
    Case("slow-callback", "the callback takes 1 s an update, for 5 s", order="slow 5"),
    Case("raising-callback", "the callback raises three times", order="raise 3"),
)
