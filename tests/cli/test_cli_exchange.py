"""`depthactors exchange`: serves until it is told to end, and says how to reach it."""

import re
import signal
import subprocess
import sys

import pytest
import requests


@pytest.fixture
def process():
    started = []

    def start(*arguments, lines=5):
        child = subprocess.Popen(
            [sys.executable, "-m", "depthactors", "exchange", "--port", "0", "--depth", "50", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        return child, [child.stdout.readline().rstrip("\n") for _ in range(lines)]

    yield start
    for child in started:
        child.kill()
        child.communicate(timeout=10)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)], ids=["ctrl-c", "sigterm"])
def test_it_says_how_to_reach_it_and_serves_until_a_signal(process, number, status):
    child, directions = process("--symbols", "7", "--market", "usdm", "--fault", "stale")
    assert directions[0] == "local exchange: usdm: BTCUSDT, ETHUSDT, BNBUSDT, SOLUSDT, XRPUSDT and 2 more"
    url = re.search(r"DEPTHACTORS_EXCHANGE=(http://127.0.0.1:\d+) ", directions[1]).group(1)
    rest = directions[2].split()[-1]
    assert rest == f"{url}/fapi/v1/depth?symbol=BTCUSDT"
    assert directions[3].split()[-1] == f"ws{url[4:]}/public/stream?streams=btcusdt@depth@100ms"
    assert requests.get(rest, timeout=10).json()["bids"]
    child.send_signal(number)
    output, errors = child.communicate(timeout=10)
    assert (child.returncode, output, errors) == (status, "fault stale: 1\n", "")


def test_it_says_how_to_reach_each_market(process):
    _, directions = process(lines=11)
    assert re.fullmatch(
        r"local exchange: spot, coinm, usdm, options: any pair of well-known assets \(BTCUSDT, .* more\)", directions[0]
    )
    told = [line.split() for line in directions[2:-1]]
    markets = ["spot", "coinm", "usdm", "options"]
    assert [words[:2] for words in told] == [[f"{kind},", name] for name in markets for kind in ("REST", "websocket")]
    for words in told[::2]:
        assert requests.get(words[-1], timeout=10).json()["bids"]
    assert directions[-1] == "Ctrl-C ends it."
