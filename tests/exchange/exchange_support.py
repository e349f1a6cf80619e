"""Plain clients and tiny recordings for the tests of the local exchange."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import requests
import websocket

from depthactors import markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.shapes.depth import Depth
from depthactors.exchange.shapes.table import shape_of
from tests import support

CAPTURES = Path(os.environ.get("DEPTHACTORS_CAPTURES", Path(__file__).parents[2].parent / "shared" / "captures"))
needs_captures = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"no recordings in {CAPTURES}; DEPTHACTORS_CAPTURES names their folder"
)
START_NS = 1_700_000_000_000_000_000

SYMBOLS = {
    "spot": "BTCUSDT",
    "us": "BTCUSDT",
    "usdm": "BTCUSDT",
    "coinm": "BTCUSD_PERP",
    "options": "BTC-261225-100000-C",
}
"""A symbol of each market."""
REST = {"spot": "/api/v3", "us": "/api/v3", "usdm": "/fapi/v1", "coinm": "/dapi/v1", "options": "/eapi/v1"}
ROUTES = {"spot": "", "us": "", "usdm": "/public", "coinm": "", "options": "/public"}
"""Where each market has its streams."""
SPEEDS = {
    "spot": {"@depth@100ms": 1, "@depth": 10},
    "us": {"@depth@100ms": 1, "@depth": 10},
    "usdm": {"@depth@100ms": 1, "@depth": 2.5, "@depth@500ms": 5},
    "coinm": {"@depth@100ms": 1, "@depth": 2.5, "@depth@500ms": 5},
    "options": {"@depth@100ms": 1, "@depth@500ms": 5},
}
"""Each market's diff streams, with how many events of the fastest one make one of theirs."""


def live(market="spot", *, limits=None, **more):
    """Make an exchange with one symbol of a market: a small book, 500 events a second, messages at will."""
    options = {"seed": 3, "rate": 500.0, "levels": 6.0, "depth": 60} | more
    limits = {"messages_per_second": 1000} | (limits or {})
    return LocalExchange.with_order_flow(SYMBOLS[market], market=market, limits=limits, **options)


def stream_of(market, suffix):
    return f"{SYMBOLS[market].lower()}{suffix}"


class StillFeed:
    """A feed whose book never moves, for tests that only ask for it."""

    is_recording = False
    speed = 1.0
    interval = 100

    def __init__(self, market="spot", symbol=None, *, levels=3, last_id=1_000, time_us=1_700_000_000_123_456):
        self.market = markets.lookup(market)
        self.number_format = shape_of(self.market).number_format
        self.symbol = symbol or SYMBOLS[market.partition("-")[0]]
        self.last_id, self.time_us = last_id, time_us
        self.bids = [(f"{10_000 - number}.00", f"{number + 1}.0") for number in range(levels)]
        self.asks = [(f"{10_001 + number}.00", f"{number + 1}.0") for number in range(levels)]

    def due(self):
        return None

    def present(self, limit):
        return Depth(self.last_id, self.time_us, self.bids[:limit], self.asks[:limit])

    snapshot = present

    def stale(self, limit):
        return replace(self.present(limit), last_update_id=self.last_id - 500)

    def renumber(self):
        pass

    def close_session(self, seconds):
        pass

    def close(self):
        pass


def spot_event(first, last, bids=(), asks=(), symbol="BTCUSDT"):
    return {
        "e": "depthUpdate",
        "E": 1_700_000_000_000 + last,
        "s": symbol,
        "U": first,
        "u": last,
        "b": [list(level) for level in bids],
        "a": [list(level) for level in asks],
    }


def futures_event(previous, first, last, *, bids=(), asks=(), symbol="ETHUSDT"):
    event = spot_event(first, last, bids, asks, symbol)
    return event | {"T": event["E"] - 5, "pu": previous}


def snapshot(last_update_id, bids, asks, **more):
    return {
        "lastUpdateId": last_update_id,
        **more,
        "bids": [list(level) for level in bids],
        "asks": [list(level) for level in asks],
    }


def enveloped(event):
    return {"stream": f"{event['s'].lower()}@depth@100ms", "data": event}


def write_recording(path, messages, interval_ns=100_000_000):
    """Write a new recording with a message every `interval_ns`; events get their envelope."""
    lines = [enveloped(message) if message.get("e") == "depthUpdate" else message for message in messages]
    texts = [json.dumps(line, separators=(",", ":")).encode() for line in lines]
    return support.write_recording(path, ((START_NS + at * interval_ns, text) for at, text in enumerate(texts)))


SPOT_EVENTS = [
    spot_event(90, 95, bids=[("99.00", "9.0")]),
    spot_event(96, 102, bids=[("100.00", "2.0")], asks=[("101.00", "0.000")]),
    spot_event(103, 103, asks=[("101.50", "4.0")]),
    spot_event(104, 110, bids=[("100.00", "0.000"), ("99.50", "7.5")]),
    spot_event(111, 111, bids=[("98.00", "0.000")]),
]
SPOT_SNAPSHOT = snapshot(
    100, [("100.00", "1.0"), ("99.00", "3.0"), ("98.00", "5.0")], [("101.00", "1.0"), ("102.00", "2.0")]
)
SPOT_FINAL_BIDS = [["99.50", "7.5"], ["99.00", "3.0"]]
SPOT_FINAL_ASKS = [["101.50", "4.0"], ["102.00", "2.0"]]


def spot_messages():
    """The snapshot's line comes after the first two events, of which the second already follows it."""
    return [*SPOT_EVENTS[:2], SPOT_SNAPSHOT, *SPOT_EVENTS[2:]]


class StreamClient:
    """A websocket client that reads one frame at a time."""

    def __init__(self, exchange, path, **options):
        url = exchange.url.replace("http", "ws", 1) + path
        self.socket = websocket.create_connection(url, timeout=10, **options)
        self._last_id = 100

    def receive(self):
        return json.loads(self.socket.recv())

    def send(self, text):
        self.socket.send(text)

    def request(self, method, params=None, request_id=1):
        message = {"method": method, "id": request_id}
        self.send(json.dumps(message if params is None else message | {"params": params}))

    def ask(self, method, params=None):
        """Send a request and return the reply and the frames before it."""
        self._last_id += 1
        self.request(method, params, self._last_id)
        before = []
        while (frame := self.receive()).get("id") != self._last_id:
            before.append(frame)
        return frame, before

    def events(self, count):
        """Receive `count` frames."""
        return [self.receive() for _ in range(count)]

    def frame(self):
        """Receive one frame of any kind and reply to none."""
        return self.socket.recv_frame()

    def ending(self):
        """Read on to the close frame: its code, its reason, and the frames before it."""
        before = []
        while True:
            opcode, data = self.socket.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(data[:2], "big"), data[2:].decode(), before
            if opcode == websocket.ABNF.OPCODE_TEXT:
                before.append(json.loads(data))

    def close(self):
        # Without a handshake: also frees the socket of a connection that the exchange has closed.
        self.socket.shutdown()


def get(exchange, path, **query):
    return requests.get(exchange.url + path, params=query, timeout=10)


class Replay:
    """An independent book: the documented rules by hand, on Decimals."""

    def __init__(self, reply):
        self.last_id = reply["lastUpdateId"]
        self.sides = {"b": {}, "a": {}}
        for side, levels in (("b", reply["bids"]), ("a", reply["asks"])):
            self._set(side, levels)

    def apply(self, event):
        """Apply an event that follows; `False` for an old one."""
        if event["u"] < self.last_id or (event["u"] == self.last_id and "pu" not in event):
            return False
        previous = event.get("pu", event["U"] - 1)
        assert previous <= self.last_id, "gap"
        self._set("b", event["b"])
        self._set("a", event["a"])
        self.last_id = event["u"]
        return True

    def book(self):
        bids = sorted(self.sides["b"].items(), reverse=True)
        return tuple(bids), tuple(sorted(self.sides["a"].items()))

    def _set(self, side, levels):
        for price, quantity in levels:
            if Decimal(quantity):
                self.sides[side][Decimal(price)] = Decimal(quantity)
            else:
                self.sides[side].pop(Decimal(price), None)


def bridging(exchange, market, first, limit=1000):
    """Ask for snapshots until one is no older than the first event; return its book, and the number of requests."""
    before = first.get("pu", first["U"] - 1)
    for tries in range(1, 101):
        reply = get(exchange, f"{REST[market]}/depth", symbol=SYMBOLS[market], limit=limit).json()
        if reply["lastUpdateId"] >= before:
            return Replay(reply), tries
    pytest.fail("no snapshot bridged to the stream")
