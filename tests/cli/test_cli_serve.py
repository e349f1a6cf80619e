"""`depthactors serve`: what it serves, how it ends, and what it refuses."""

import signal
import socket
import subprocess
import sys

import pytest
import requests

from depthactors.cli import main
from tests.support import table


def serve(*arguments):
    return main(["serve", *arguments])


@pytest.mark.local_exchange(["BTCUSDT", "ETHUSDT"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_books_are_served_until_a_signal(local_exchange, number):
    del local_exchange
    words = [sys.executable, "-m", "depthactors", "serve", "btcusdt", "ETHUSDT", "--port", "0", "--depth", "20"]
    with subprocess.Popen(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("serving BTCUSDT, ETHUSDT (spot) at http://127.0.0.1:")
            url = line.split(" at ")[1].partition(";")[0]
            rows = requests.get(f"{url}/books", timeout=5).json()
            assert [row["symbol"] for row in rows] == ["BTCUSDT", "ETHUSDT"]
            process.send_signal(number)
            assert process.wait(10) == 0
        finally:
            process.kill()


@pytest.mark.local_exchange(["BTCUSDT"])
def test_it_ends_where_no_book_is_left(local_exchange, capsys):
    del local_exchange
    assert serve("NOPEUSDT", "--port", "0") == 1
    assert "NOPEUSDT (spot): given up:" in capsys.readouterr().err


@pytest.mark.local_exchange(["BTCUSDT"])
def test_a_port_that_is_taken_is_told(local_exchange, capsys):
    del local_exchange
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve("BTCUSDT", "--port", str(port)) == 2
    assert f"expected an address that can be listened on, was 127.0.0.1:{port}" in capsys.readouterr().err


@table(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], "expected a token and TLS, since 0.0.0.0 is no address of this machine alone"),
        (["--token-file", "/nowhere"], "expected a file with a token, was /nowhere"),
        (["--tls-cert", "/nowhere"], "expected --tls-cert and --tls-key together, was one of them"),
        (["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], "expected a certificate and its key, was /nowhere"),
    ],
)
def test_bad_protection_is_told(capsys, arguments, words):
    assert serve("BTCUSDT", *arguments) == 2
    assert words in capsys.readouterr().err


def test_an_empty_token_is_refused(tmp_path, capsys):
    path = tmp_path / "token"
    path.write_text("\n")
    assert serve("BTCUSDT", "--token-file", str(path)) == 2
    assert f"expected a token in {path}, was an empty file" in capsys.readouterr().err


@table("port", ["-1", "65536", "x", "1.5"])
def test_a_port_that_is_none_is_refused(capsys, port):
    with pytest.raises(SystemExit):
        serve("BTCUSDT", "--port", port)
    assert "expected a port from 0 to 65535, was" in capsys.readouterr().err
