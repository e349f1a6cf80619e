"""A client of the simulated exchange that records everything: for tests, and for the digest of a run."""

from __future__ import annotations

from hashlib import sha256
from random import Random

import orjson

from depthactors import markets
from depthactors.dispatcher.simulated import Simulation
from depthactors.errors import StreamError
from tests.sim.exchange import SimulatedExchange
from tests.sim.faults import plan

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT"]


class Follower:
    """One connection, and what came on it, in the order of its callbacks."""

    def __init__(self, stage, url):
        self.stage = stage
        self.calls = []
        self.reads = []
        self.error = None
        self.stream = stage.exchange.connect(url, self._opened, self._read, self._closed)

    @property
    def frames(self):
        return [frame for _, frames in self.reads for frame in frames]

    def events(self, symbol="BTCUSDT"):
        """Return the diffs of a symbol."""
        decoded = [orjson.loads(frame) for frame in self.frames]
        return [each["data"] for each in decoded if each.get("stream", "").startswith(f"{symbol.lower()}@depth")]

    def subscribe(self, *symbols, number=1):
        names = [f"{symbol.lower()}@depth@100ms" for symbol in symbols]
        self.stream.send(orjson.dumps({"method": "SUBSCRIBE", "params": names, "id": number}))

    def answers(self):
        return [each for each in map(orjson.loads, self.frames) if "stream" not in each]

    def _opened(self):
        self.calls.append("open")
        self.stage.log("open", self.stream.url)

    def _read(self, opcode, frames, recv_time):
        assert opcode == 1
        assert frames
        self.calls.append("frames")
        self.reads.append((recv_time, frames))
        self.stage.log("frames", recv_time, *frames)

    def _closed(self, error):
        assert isinstance(error, StreamError)
        self.calls.append("close")
        self.error = error
        self.stage.log("close", error)


class Stage:
    """An exchange, its time, and a log of everything that came from it."""

    def __init__(self, market=markets.SPOT, *, seed=1, symbols=SYMBOLS, **options):
        self.scheduler = Simulation(0)
        self.market = market
        self.exchange = SimulatedExchange(self.scheduler, Random(seed), symbols, market, **options)
        self.lines = []
        self.symbols = symbols

    def log(self, *words):
        self.lines.append((round(self.scheduler.monotonic(), 6), *map(str, words)))

    def connect(self, *symbols):
        """Connect, with the streams of these symbols in the path; without one, to subscribe later."""
        names = "/".join(f"{symbol.lower()}@depth@100ms" for symbol in symbols)
        query = f"?streams={names}" if names else ""
        return Follower(self, f"{self.market.stream_url}{self.market.stream_path}{query}")

    def follow(self, *symbols, seconds=1.0):
        """Connect, and let some time pass."""
        follower = self.connect(*symbols)
        self.scheduler.run_for(seconds)
        return follower

    def ask(self, symbol="BTCUSDT", limit=100, *, within=60.0):
        """Ask for a snapshot, and return the reply, which has to come in time, and the seconds that it took."""
        replies = []
        begun = self.scheduler.monotonic()
        self.exchange.depth(
            self.market, symbol, limit, lambda reply: replies.append((reply, self.scheduler.monotonic() - begun))
        )
        assert not replies
        self.scheduler.run_until(lambda: replies, within)
        (only,) = replies
        return only


def digest(seed, seconds=60.0):
    """Return a digest of everything that a run with many faults brings, with a client that reconnects."""
    faults = plan(Random(seed + 1), seconds, SYMBOLS, every=1.5)
    stage = Stage(seed=seed, faults=faults)
    followers = [stage.connect(*SYMBOLS)]

    def look():
        if not followers[-1].stream.is_alive:
            followers.append(stage.connect(*SYMBOLS))
        for symbol in SYMBOLS:
            stage.exchange.depth(stage.market, symbol, 100, lambda reply: stage.log("reply", repr(reply)))
        stage.scheduler.after(2.0, look)

    look()
    stage.scheduler.run_for(seconds)
    words = repr((faults, stage.lines, stage.exchange.strikes())).encode()
    return f"{len(stage.lines)} {len(stage.exchange.strikes())} {sha256(words).hexdigest()}"
