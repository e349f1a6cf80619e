"""The options of a local exchange: what they make, and the one line that a bad value ends with."""

import argparse
from dataclasses import fields

import pytest

from depthactors.cli import main, serving
from depthactors.errors import UsageError
from depthactors.exchange import KINDS, Fault, Limits
from tests.support import table


def parse(*arguments, port=0):
    parser = argparse.ArgumentParser()
    serving.add_options(parser, port=port)
    return parser.parse_args(arguments)


def symbols_of(*arguments):
    exchange = serving.open_exchange(parse("--depth", "50", *arguments))
    exchange.stop()
    return exchange.symbols


@table(
    ("arguments", "symbols"),
    [
        (("--symbols", "1"), ("BTCUSDT",)),
        (("--symbols", "btcusdt,LTCBTC"), ("BTCUSDT", "LTCBTC")),
        (("--symbols", "2", "--market", "coinm"), ("BTCUSD_PERP", "ETHUSD_PERP")),
        (("--symbols", "2", "--market", "options"), ("BTC-261225-60000-C", "BTC-261225-60000-P")),
        (("--symbols", "2", "--repeat", "5"), ("BTCUSDT", "ETHUSDT")),
    ],
)
def test_symbols_are_counted_or_named(arguments, symbols):
    assert symbols_of(*arguments) == symbols


def test_without_any_there_are_pairs_of_well_known_assets_on_every_market():
    assert {"BTCUSDT", "ETHBTC", "BTCUSD_PERP", "1000PEPEUSDT"} < set(symbols_of())
    assert "BTCUSTD" not in symbols_of()


def test_one_market_alone_and_more_than_one():
    assert set(symbols_of("--market", "coinm")) == {symbol for symbol in symbols_of() if "_" in symbol}
    both = symbols_of("--market", "coinm", "--market", "spot")
    assert {"BTCUSDT", "BTCUSD_PERP"} < set(both)
    assert "BTC-261225-60000-C" not in both


def test_symbols_beside_the_well_known_ones():
    assert {"FOOUSDT", "BTCUSDT"} < set(symbols_of("--also", "foousdt"))


def test_faults_and_limits_may_be_repeated():
    options = parse("--fault", "drop:every=2", "--fault", "429", "--limit", "max_streams=3", "--limit", "ban=1")
    assert options.fault == [Fault("drop", every=2), Fault("429")]
    assert options.limit == [("max_streams", 3.0), ("ban", 1.0)]


@table(
    ("arguments", "words"),
    [
        (["--rate", "0"], "argument --rate: expected a number above zero, was '0'"),
        (["--rate", "fast"], "argument --rate: expected a number above zero, was 'fast'"),
        (["--levels", "nan"], "argument --levels: expected a number above zero, was 'nan'"),
        (["--market", "forex"], "argument --market: expected one of spot, us, "),
        (["--market", "usdt"], "was 'usdt'; did you mean 'usdm'?"),
        (["--fault", "explode"], "argument --fault: expected a fault of drop, "),
        (["--fault", "drop:every=often"], "expected a number for every, was 'often'"),
        (["--fault", "drop:often=3"], "was 'drop:often=3'"),
        (["--limit", "max_streams"], "argument --limit: expected NAME=VALUE, was 'max_streams'"),
        (["--limit", "max_streams=-1"], "argument --limit: expected a number above zero, was '-1'"),
        (["--port", "http"], "argument --port: invalid int value: 'http'"),
    ],
)
def test_a_value_that_is_none_is_one_clear_line_and_status_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        main(["exchange", *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err.splitlines()[-1]


@table(
    ("arguments", "words"),
    [
        (["--symbols", "0"], "expected at least one symbol, was 0"),
        (["--symbols", "A", "--also", "B"], "expected --symbols, which are served alone, or --also"),
        (["--recording", "x.gz", "--symbols", "A"], "expected --recording with one --market at most"),
        (["--recording", "x.gz", "--market", "spot", "--market", "us"], "expected --recording with one --market"),
        (["--symbols", "-3"], "expected at least one symbol, was -3"),
        (["--symbols", "A,A"], "expected one feed for a market and symbol"),
        (["--symbols", ""], "expected a symbol like BTCUSDT, was ''"),
        (["--limit", "patience=1"], "expected a limit (ping_interval, "),
        (["--loop"], "expected --speed and --loop with --recording only"),
        (["--recording", "/nonexistent/x.gz"], "/nonexistent/x.gz"),
        (["--port", "70000"], "expected a port to listen on (0 to 65535), was 70000"),
        (["--depth", "0"], "was 0"),
        (["--repeat", "0"], "was 0"),
    ],
)
def test_values_that_make_no_exchange_are_one_clear_line_and_status_2(capsys, arguments, words):
    assert main(["exchange", *arguments]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert len(errors.splitlines()) == 1
    assert words in errors


def test_a_port_that_is_taken_is_told(capsys):
    exchange = serving.open_exchange(parse("--symbols", "1", "--depth", "50"))
    with exchange, pytest.raises(UsageError, match=f"expected a port to listen on, was {exchange.port}"):
        serving.open_exchange(parse("--symbols", "1", "--depth", "50", "--port", str(exchange.port)))


@table(("option", "names"), [("--fault", KINDS), ("--limit", [field.name for field in fields(Limits)])])
@table("command", [["exchange"], ["sandbox"]])
def test_what_there_is_to_choose_is_listed_on_request(capsys, command, option, names):
    with pytest.raises(SystemExit) as ended:
        main([*command, option, "help"])
    assert ended.value.code == 0
    output, errors = capsys.readouterr()
    assert {line.split()[0] for line in output.splitlines() if line.startswith("  ")} >= {*names}
    assert errors == ""
