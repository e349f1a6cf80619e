"""`depthactors sandbox`: an unchanged program against a local exchange, with the program's own exit status."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys

import pytest

from depthactors.cli import main

FOLLOW = """
import sys
from depthactors import DepthEngine, Top
with DepthEngine() as engine:
    book = engine.subscribe("ETHUSDT", depth=20)
    book.wait_live(timeout=20)
    print(len(book.ask(Top(5), timeout=5).bids), *sys.argv[1:])
sys.exit(7)
"""


def sandbox(*command, options=()):
    return [sys.executable, "-m", "depthactors", "sandbox", "--depth", "50", *options, "--", *command]


def test_an_unchanged_program_runs_and_its_status_and_output_come_through():
    ended = subprocess.run(
        sandbox(sys.executable, "-W", "ignore", "-c", FOLLOW, "--rate", "--", "x"),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (7, "5 --rate -- x\n")


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["/nonexistent/program"], 127, "no such command: '/nonexistent/program'"),
        (["/"], 126, "'/' cannot be run"),
    ],
)
def test_a_command_that_cannot_run_is_one_clear_line(capfd, command, status, words):
    assert main(["sandbox", "--depth", "50", "--", *command]) == status
    errors = capfd.readouterr().err
    assert len(errors.splitlines()) == 1
    assert words in errors


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sandbox"])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err.splitlines()[-1]


def test_what_is_served_is_said_on_standard_error(capfd):
    assert main(["sandbox", "--depth", "50", "--", "true"]) == 0
    output, errors = capfd.readouterr()
    assert output == ""
    assert re.fullmatch(
        r"depthactors: sandbox: spot, coinm, usdm, options: any pair of well-known assets "
        r"\(BTCUSDT, ETHUSDT, .* and \d+ more\)\n",
        errors,
    )
    assert main(["sandbox", "--depth", "50", "--market", "usdm", "--symbols", "2", "--", "true"]) == 0
    assert capfd.readouterr().err == "depthactors: sandbox: usdm: BTCUSDT, ETHUSDT\n"


def test_a_typo_is_no_symbol_and_a_market_that_is_not_served_is_said_to_be_none_of_the_sandboxs():
    program = """
from depthactors import DepthEngine
from depthactors.errors import DepthActorsError
for market, symbol in [("usdm", "ETHUSTD"), ("spot", "ETHUSDT")]:
    with DepthEngine(market) as engine:
        try:
            engine.subscribe(symbol).wait_live(timeout=2)
        except DepthActorsError as error:
            print(error)
"""
    command = sandbox(sys.executable, "-c", program, options=("--market", "usdm"))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False)
    typo, unserved = ended.stdout.splitlines()
    assert "does not list 'ETHUSTD' (-1121: Invalid symbol.)" in typo
    assert re.search(r"spot at http://127.0.0.1:\d+ does not list 'ETHUSDT'", unserved)
    assert "a client asked for spot, but this exchange serves only usdm" in ended.stderr


def test_options_of_a_command_without_the_dashes_before_it_get_a_hint(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sandbox", "python", "-c", "print()"])
    assert ended.value.code == 2
    assert "-c print(); write depthactors sandbox [options] -- COMMAND..." in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_a_sandbox_that_is_killed_leaves_no_command():
    code = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    child = subprocess.Popen(sandbox(sys.executable, "-c", code), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    command = os.pidfd_open(int(child.stdout.readline()))
    try:
        child.kill()
        child.wait(10)
        assert select.select([command], [], [], 10)[0], "the command is still there"
    finally:
        os.close(command)
        child.stdout.close()


def test_the_command_has_the_signals_of_a_shells():
    code = "import signal; print(*[signal.getsignal(n).name for n in (signal.SIGTERM, signal.SIGHUP)])"
    # Python ignores SIGPIPE for itself; a command that does not would write for ever to a reader who is gone.
    shell = f"yes | head -1; trap; exec {shlex.join([sys.executable, '-c', code])}"
    ended = subprocess.run(sandbox("sh", "-c", shell), capture_output=True, text=True, timeout=30, check=False)
    assert ended.stdout == "y\nSIG_DFL SIG_DFL\n"
    assert "Broken pipe" not in ended.stderr


def test_a_command_that_a_signal_ended_has_a_shells_status():
    assert main(["sandbox", "--depth", "50", "--", "sh", "-c", "kill -KILL $$"]) == 128 + 9


def test_ctrl_c_is_the_commands_affair_and_the_exchange_ends_after_it():
    code = (
        "import signal, sys\n"
        "try:\n    print('ready', flush=True); signal.pause()\n"
        "except KeyboardInterrupt:\n    print('cleaned up', flush=True); sys.exit(5)\n"
    )
    child = subprocess.Popen(
        sandbox(sys.executable, "-c", code), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout.readline() == "ready\n"
        os.killpg(child.pid, signal.SIGINT)
        output, _ = child.communicate(timeout=10)
    finally:
        child.kill()
        child.communicate(timeout=10)
    assert (child.returncode, output) == (5, "cleaned up\n")


def test_sigterm_reaches_the_command():
    code = "import signal; print('ready', flush=True); signal.pause()"
    child = subprocess.Popen(sandbox(sys.executable, "-c", code), stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        child.terminate()
        child.communicate(timeout=10)
    finally:
        child.kill()
        child.communicate(timeout=10)
    assert child.returncode == 128 + signal.SIGTERM
