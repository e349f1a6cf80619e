import json

from hypothesis import given
from hypothesis import strategies as st

from depthactors import markets
from depthactors.exchange.catalogue import Catalogue
from depthactors.exchange.fault import Fault
from depthactors.exchange.fault_plan import FaultPlan
from depthactors.exchange.rest.api import RestApi
from tests.exchange.exchange_support import SYMBOLS, StillFeed
from tests.support import SetClock, table

MINUTE_START = 1_700_000_040.0
USED = "X-MBX-USED-WEIGHT-1M"
DEPTH = "/api/v3/depth?symbol=BTCUSDT"


class Asker:
    """A RestApi with a clock that the test moves."""

    def __init__(self, *feeds, faults=(), **limits):
        self.clock = SetClock(MINUTE_START)
        feeds = feeds or [StillFeed(market) for market in SYMBOLS if market != "us"]
        self.api = RestApi(Catalogue(feeds), FaultPlan(faults), limits, clock=self.clock)

    def whole(self, path, headers=None):
        return self.api.reply(path, headers or {})

    def ask(self, path, headers=None):
        answer = self.whole(path, headers)
        return answer.status, json.loads(answer.body), dict(answer.headers)

    def used(self, path="/api/v3/ping"):
        return int(self.ask(path)[2][USED])

    def retry(self, path="/api/v3/ping"):
        status, _, headers = self.ask(path)
        return status, int(headers.get("Retry-After", 0))


def test_weight_is_counted_from_zero_in_each_minute_of_the_clock():
    asker = Asker()
    asker.clock.now = MINUTE_START + 59.0
    assert asker.used(DEPTH) == 5
    asker.clock.now = MINUTE_START + 59.999
    assert asker.used(DEPTH) == 10
    asker.clock.now = MINUTE_START + 60.0
    assert asker.used(DEPTH) == 5
    asker.clock.now = MINUTE_START + 119.0
    assert asker.used(DEPTH) == 10


@table(("second", "retry"), [(0.0, 60), (12.5, 48), (59.1, 1), (59.9, 1)])
def test_a_429_shows_the_seconds_to_the_minutes_end(second, retry):
    asker = Asker(weight_per_minute=4)
    asker.clock.now += second
    assert asker.retry(DEPTH) == (429, retry)
    asker.clock.now += retry
    assert asker.retry() == (200, 0)


def test_refused_requests_cost_as_much_as_others():
    asker = Asker(weight_per_minute=5)
    assert [asker.used(DEPTH) for _ in range(4)] == [5, 10, 15, 20]


def test_going_on_after_429_is_418_until_the_ban_ends_even_in_later_minutes():
    asker = Asker(weight_per_minute=5, refusals=2, ban=100)
    assert [asker.retry(DEPTH)[0] for _ in range(4)] == [200, 429, 429, 418]
    asker.clock.now += 99.0
    assert asker.retry() == (418, 1)
    asker.clock.now += 1.0
    assert asker.retry() == (200, 0)


def test_each_further_ban_lasts_twice_as_long():
    asker = Asker(weight_per_minute=4, refusals=1, ban=10)
    lengths = []
    for _ in range(3):
        while (reply := asker.retry(DEPTH))[0] != 418:
            pass
        lengths.append(reply[1])
        asker.clock.now += 60.0
    assert lengths == [10, 20, 40]


def test_a_ban_shows_when_it_ends():
    asker = Asker(weight_per_minute=4, refusals=1, ban=10)
    asker.ask(DEPTH)
    status, reply, headers = asker.ask(DEPTH)
    assert (status, headers["Retry-After"]) == (418, "10")
    assert reply["msg"].startswith(
        f"Way too much request weight used; IP banned until {int(asker.clock.now + 10)}000. "
    )


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from([("/fapi/v1/", 20), ("/dapi/v1/", 20), ("/api/v3/", 50)])),
        max_size=60,
    )
)
def test_no_pool_is_ever_served_more_weight_than_its_limit_in_a_minute(requests):
    asker = Asker(weight_per_minute=100, refusals=3, ban=30)
    symbols = {"/dapi/v1/": "BTCUSD_PERP"}
    counted, served = {}, {}
    for pause, (base, weight) in requests:
        asker.clock.now += pause
        status, _, headers = asker.ask(f"{base}depth?symbol={symbols.get(base, 'BTCUSDT')}&limit=1000")
        key = base == "/api/v3/", asker.clock.now // 60
        counted[key] = counted.get(key, 0) + weight
        served[key] = served.get(key, 0) + (weight if status == 200 else 0)
        assert int(headers[USED]) == counted[key]
        assert ("Retry-After" in headers) == (status != 200)
    assert all(weight <= 100 for weight in served.values())


@table(
    ("path", "code", "text"),
    [
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=7", -4021, "7 is not valid depth limit"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=0", -1130, "Data sent for parameter 'limit' is not valid."),
        ("/api/v3/depth?symbol=BTCUSDT&limit=many", -1100, "Illegal characters found in parameter 'limit'"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=-5", -1100, "Illegal characters found in parameter 'limit'"),
        ("/fapi/v1/depth?symbol=BTCUSDT&limit=5.0", -1100, "Illegal characters found in parameter 'limit'"),
        ("/api/v3/depth?symbol=BTCUSDT&limit=", -1100, "Illegal characters found in parameter 'limit'"),
    ],
)
def test_a_request_that_is_refused_for_its_limit_costs_1(path, code, text):
    status, reply, headers = Asker().ask(path)
    assert (status, reply["code"]) == (400, code)
    assert reply["msg"].startswith(text)
    assert headers[USED] == "1"


@table(
    ("market", "unit", "expected"),
    [
        ("/api/v3", "MICROSECOND", 1_700_000_040_000_000),
        ("/api/v3", "", 1_700_000_040_000),
        ("/fapi/v1", "MICROSECOND", 1_700_000_040_000),
    ],
)
def test_time_is_the_clocks(market, unit, expected):
    assert Asker().ask(f"{market}/time", {"X-MBX-TIME-UNIT": unit})[1] == {"serverTime": expected}


@table(("base", "weight"), [("/api/v3", 20), ("/fapi/v1", 1), ("/dapi/v1", 1), ("/eapi/v1", 1)])
def test_exchange_info_has_its_weight(base, weight):
    assert Asker().used(f"{base}/exchangeInfo") == weight


@table("query", ["", "&symbolStatus=TRADING"])
def test_every_symbol_is_trading(query):
    assert Asker().ask(DEPTH + query)[0] == 200


def test_futures_do_not_know_symbol_status():
    assert Asker().ask("/fapi/v1/depth?symbol=BTCUSDT&symbolStatus=HALT")[0] == 200


def test_a_limit_that_a_clients_pool_shares_is_that_of_the_symbols_market():
    asker = Asker(StillFeed("spot"), StillFeed("us", "ZRXUSDT"))
    assert asker.used("/api/v3/depth?symbol=BTCUSDT&limit=5000") == 250
    assert asker.used("/api/v3/depth?symbol=ZRXUSDT") == 5, "Binance.US counts for itself"


def test_a_market_without_a_feed_answers_all_the_same():
    asker = Asker(StillFeed("spot"))
    assert asker.ask("/dapi/v1/ping")[0] == 200
    assert asker.ask("/dapi/v1/depth?symbol=BTCUSD_PERP")[1]["code"] == -1121
    assert asker.ask("/dapi/v1/exchangeInfo")[1]["symbols"] == []


@table("path", ["/api/v3/trades", "/ws/btcusdt@depth", "/", ""])
def test_what_the_exchange_does_not_have_is_404(path):
    assert Asker().ask(path)[:2] == (404, {})


@table("kind", ["429", "418"])
def test_a_refusing_fault_shows_how_long_to_wait_and_costs_its_weight(kind):
    asker = Asker(faults=[Fault(kind, seconds=2.5)])
    status, reply, headers = asker.ask(DEPTH)
    assert (status, reply["code"], headers[USED], headers["Retry-After"]) == (int(kind), -1003, "5", "3")
    assert asker.ask(DEPTH)[0] == 200


def test_an_internal_error_has_the_exchanges_body():
    status, reply, headers = Asker(faults=[Fault("500")]).ask(DEPTH)
    assert (status, reply["code"], headers[USED]) == (500, -1000, "5")


def test_a_time_out_is_a_pause_and_then_nothing():
    answer = Asker(faults=[Fault("time-out", seconds=3.0)]).whole(DEPTH)
    assert (answer.pause, answer.cut) == (3.0, 0)


def test_a_truncated_answer_ends_within_its_body():
    answer = Asker(faults=[Fault("truncate")]).whole(DEPTH)
    assert 0 < answer.cut < len(answer.body)


def test_a_stale_answer_is_an_older_book():
    asker = Asker(faults=[Fault("stale")])
    ids = [asker.ask(DEPTH)[1]["lastUpdateId"] for _ in range(2)]
    assert ids == [500, 1_000]


def test_a_mismatch_is_the_book_of_another_symbol_of_the_market():
    feeds = [StillFeed(symbol="BTCUSDT"), StillFeed(symbol="ETHUSDT", last_id=77), StillFeed("usdm", "BTCUSDT")]
    asker = Asker(*feeds, faults=[Fault("mismatch")])
    assert [asker.ask(DEPTH)[1]["lastUpdateId"] for _ in range(2)] == [77, 1_000]


def test_faults_of_a_symbol_spare_the_others_and_whatever_is_no_depth_request():
    feeds = [StillFeed(symbol="BTCUSDT"), StillFeed(symbol="ETHUSDT")]
    asker = Asker(*feeds, faults=[Fault("500", symbol="ETHUSDT")])
    paths = [DEPTH, "/api/v3/ping", "/api/v3/exchangeInfo?symbol=ETHUSDT", "/api/v3/depth?symbol=ETHUSDT"]
    assert [asker.ask(path)[0] for path in paths] == [200, 200, 200, 500]


def test_a_testnet_is_served_under_its_markets_paths_from_a_pool_of_its_own():
    feed = StillFeed("usdm-testnet")
    asker = Asker(feed)
    assert feed.market is markets.lookup("usdm-testnet")
    assert asker.ask("/fapi/v1/depth?symbol=BTCUSDT&limit=5")[0] == 200
