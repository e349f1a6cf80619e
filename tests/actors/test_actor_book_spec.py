"""What a book is to be."""

from depthactors import markets
from tests.actors.actor_support import spec


def test_subscriptions_share_a_book_if_market_symbol_and_interval_agree():
    assert spec().key == spec(depth=500, refresh_interval=60.0).key
    others = [spec(markets.USDM), spec(markets.US), spec(symbol="ETHUSDT"), spec(speed_ms=1000)]
    assert len({spec().key, *(each.key for each in others)}) == 5
