"""The exchange of one run: it trades on while it is away, and knows when each event happened."""

import time

from faults_client import SYMBOL

from depthactors import markets
from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.order_flow_feed import OrderFlowFeed

OTHER_SYMBOL = "ETHUSDT"
FLOW = {"seed": 7, "rate": 10.0, "levels": 8.0, "depth": 500}


class MarketFeed(OrderFlowFeed):
    """An order flow that a second exchange can take up, and the times of its events."""

    def __init__(self, symbol, *, lagging):
        super().__init__(symbol, markets.SPOT, **FLOW)
        if not lagging:
            self._longest_lag = 0
        self.times = {}
        self.last_id = 0
        self._missed = 0

    def due(self):
        # An exchange counts from its own start, and the flow from its first step of all.
        return super().due() - self._missed * self._pause

    def step(self, *, tickers):
        step = super().step(tickers=tickers)
        if step.event is not None:
            self.last_id = step.event.last_id
            self.times[self.last_id] = time.time()
        return step

    def trade_unseen(self, seconds):
        """Let the market go on while no exchange serves it."""
        for _ in range(round(seconds / self._pause)):
            self.step(tickers=False)
        self._missed = self._steps


class Stage:
    """A running exchange that gets into the trouble of a case."""

    def __init__(self, *, lagging=True):
        self.feed = MarketFeed(SYMBOL, lagging=lagging)
        self._feeds = (self.feed, MarketFeed(OTHER_SYMBOL, lagging=lagging))
        self.exchange = LocalExchange(self._feeds)

    def __enter__(self):
        self.exchange.start()
        return self

    def __exit__(self, kind, error, trace):
        self.exchange.stop()

    def inject(self, faults):
        for fault in faults:
            self.exchange.inject(fault)

    def disappear(self, seconds):
        """Be away, and back at the same port; return the last update id before."""
        port, back = self.exchange.port, time.monotonic() + seconds
        self.exchange.stop()
        last_id = self.feed.last_id
        time.sleep(max(0.0, back - time.monotonic()))
        for feed in self._feeds:
            feed.trade_unseen(seconds)
        self.exchange = LocalExchange(self._feeds, port=port)
        self.exchange.start()
        return last_id
