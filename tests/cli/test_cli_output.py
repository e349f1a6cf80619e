"""Output that nobody reads, that finds no room, or that the terminal cannot show ends a command without a traceback."""

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from depthactors import DepthEngine
from depthactors.cli import main, output
from depthactors.exchange import LocalExchange

NAME = f"output-{os.getpid()}"


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """A command line of each command that prints something, and soon."""
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"no recording")
    # The demo sets it; this way it is put back.
    monkeypatch.setenv("DEPTHACTORS_EXCHANGE", "")
    with LocalExchange.with_order_flow("BTCUSDT", market="spot", depth=50) as exchange:
        monkeypatch.setenv("DEPTHACTORS_EXCHANGE", exchange.url)
        with DepthEngine(name=NAME) as engine:
            engine.subscribe("BTCUSDT", depth=20).wait_live(timeout=20)
            yield {
                "no command": [],
                "version": ["--version"],
                "demo": ["demo", "--seconds", "60"],
                "watch": ["watch", "--attach", NAME, "--seconds", "60"],
                "list": ["watch", "--attach", NAME, "--list"],
                "exchange": ["exchange", "--port", "0", "--depth", "50"],
                "faults": ["exchange", "--fault", "help"],
            }


@contextmanager
def stdout_to(descriptor):
    """Print to a descriptor, as a program that was started so; it is closed afterwards."""
    kept, sys.stdout = sys.stdout, os.fdopen(descriptor, "w", encoding="utf-8")
    try:
        yield
    finally:
        sys.stdout.close()
        sys.stdout = kept


@pytest.mark.parametrize(
    "command",
    ["no command", "version", "demo", pytest.param("watch", marks=pytest.mark.full), "list", "exchange", "faults"],
)
def test_a_reader_who_has_seen_enough_ends_every_command_quietly(command, commands, capsys):
    reader, writer = os.pipe()
    os.close(reader)
    with stdout_to(writer):
        assert main(commands[command]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    "command", ["version", pytest.param("demo", marks=pytest.mark.full), "watch", "list", "exchange", "faults"]
)
def test_a_full_disk_is_one_line_and_status_1(command, commands, capsys):
    with stdout_to(os.open("/dev/full", os.O_WRONLY)):
        assert main(commands[command]) == 1
    assert capsys.readouterr().err == "depthactors: standard output: No space left on device\n"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_argparse_prints_itself_is_not_lost_without_a_word(option, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as unbuffered:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(unbuffered, write_through=True))
        assert main([option]) == 141


def test_the_interpreter_has_nothing_left_to_complain_of_at_its_end():
    for place in ("| true", "> /dev/full", ">&-"):
        shell = f"{sys.executable} -m depthactors --version {place}"
        ended = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=30, check=False)
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr


def test_an_error_of_something_else_is_not_taken_for_one_of_the_output():
    with pytest.raises(FileNotFoundError), output.guarded():
        Path("/nonexistent/file").read_bytes()


def test_a_character_that_the_terminal_lacks_is_escaped(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with output.guarded():
        print("币USDT")
    assert raw.getvalue() == b"\\u5e01USDT\n"


def test_a_symbol_that_is_not_ascii_is_understood_in_any_locale():
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "depthactors", "sandbox", "--symbols", "币USDT", "--", "echo", "币"]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout) == (0, "币\n".encode())
    assert b"Traceback" not in ended.stderr


def test_standard_error_that_is_closed_is_no_error(monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
        output.complain("nobody reads this")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
