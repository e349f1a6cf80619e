"""An engine in simulated time for one test: books, an exchange that does as it is told, and all that callbacks saw."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import NamedTuple

from depthactors import BookState, DepthEngine, markets
from depthactors.dispatcher.simulated import SimulatedDispatcher
from depthactors.engine.machine import Machine
from depthactors.net.settings import NetworkSettings
from tests.sim.exchange import SimulatedExchange
from tests.sim.faults import PlannedFault
from tests.sim.network import SimulatedNetwork

_LOOK_EVERY = 0.05
LIVE, STALE = BookState.LIVE, BookState.STALE
BTC, ETH, BNB = "BTCUSDT", "ETHUSDT", "BNBUSDT"


class Told(NamedTuple):
    """An event, the second in which it was told, and the number of views that the callbacks had got by then."""

    at: float
    event: object
    shown: int


class Follower:
    """One subscription, and what its callbacks saw: `views`, of which `compared` are known to be right, and `told`."""

    def __init__(self, simulated, engine, symbol, depth):
        self.symbol, self.depth = symbol, depth
        self.views, self.told, self.compared = [], [], 0
        self.handle = engine.subscribe(
            symbol,
            depth=depth,
            on_update=self.views.append,
            on_event=lambda event: self.told.append(Told(simulated.now, event, len(self.views))),
        )
        self._engine = engine

    @property
    def events(self):
        return [told.event for told in self.told]

    @property
    def states(self):
        return [event.state for event in self.events]

    @property
    def errors(self):
        return [event.error for event in self.events if event.error is not None]

    @property
    def counters(self):
        return self.row.counters

    @property
    def row(self):
        return next(row for row in self._engine.status().books if row.symbol == self.symbol)

    def first(self, matches):
        """Return the first event that matches, with its second."""
        return next((told for told in self.told if matches(told.event)), None)


class Simulated:
    """An exchange and its engines. Each view that a callback got is compared with the exchange's book."""

    def __init__(self, symbols, *, seed=1, market=markets.SPOT, silence_limit=10.0, **options):
        dispatcher = SimulatedDispatcher(seed)
        self.simulation, self.followers, self._market = dispatcher.simulation, [], market
        self.exchange = exchange = SimulatedExchange(
            self.simulation,
            Random(f"{seed}/exchange"),
            symbols,
            market,
            settings=NetworkSettings(silence_limit=silence_limit),
            number=Decimal,
            **options,
        )
        allowance = exchange.allowance()

        class SimulatedEngine(DepthEngine):
            _machine = Machine(lambda: dispatcher, lambda _: SimulatedNetwork(exchange, allowance))

        self._new_engine = SimulatedEngine

    @property
    def now(self):
        return self.simulation.monotonic()

    @contextmanager
    def engine(self, **settings):
        """Start an engine; compare what its callbacks saw last when it has stopped."""
        with self._new_engine(self._market, number=Decimal, **{"refresh_interval": None} | settings) as engine:
            yield engine
        self._compare()

    def begin_to_follow(self, engine, symbol, depth=20):
        """Subscribe."""
        self.followers.append(Follower(self, engine, symbol, depth))
        return self.followers[-1]

    def follow(self, engine, *symbols, depth=20):
        """Subscribe, and wait until the books are live."""
        followers = [self.begin_to_follow(engine, symbol, depth) for symbol in symbols]
        self.until(lambda: all(each.handle.state is LIVE for each in followers))
        return followers

    def strike(self, kind, symbol=None, **options):
        """Let a fault wait for its next occasion, now."""
        self.exchange.begin(PlannedFault(self.now, kind, symbol, **options))

    def inject(self, fault):
        """Let a fault of the local exchange strike at its occasions."""
        self.exchange._faults.add(fault)

    def run(self, seconds):
        self.simulation.run_for(seconds)
        self._compare()

    def _compare(self):
        """Compare what callbacks saw since the last time: the exchange knows its books of the last few minutes."""
        for each in self.followers:
            for view in each.views[each.compared :]:
                bids, asks = self.exchange.top(each.symbol, view.last_update_id, each.depth)
                ours = [*view.bids[: each.depth]], [*view.asks[: each.depth]]
                assert (view.state, *ours) == (LIVE, bids, asks)
            each.compared = len(each.views)

    def until(self, condition, seconds=120.0):
        """Let time pass until a condition holds, which may ask the engine; return how long that took."""
        begun = self.now
        while not condition():
            assert self.now - begun < seconds, f"waited {seconds} s in vain"
            # The condition is looked at between the turns, not in one: what it asks has to be answered.
            self.run(_LOOK_EVERY)
        return self.now - begun


@contextmanager
def following(*symbols, listed=(BTC, ETH, BNB), depth=20, market=markets.SPOT, **settings):
    """Follow books of one engine in simulated time; yields the simulation and a follower for each symbol."""
    others = {"silence_limit": settings["silence_limit"]} if "silence_limit" in settings else {}
    simulated = Simulated(listed, market=market, **others)
    with simulated.simulation, simulated.engine(**settings) as engine:
        yield simulated, engine, *simulated.follow(engine, *symbols, depth=depth)
