"""`depthactors sandbox`: an unchanged program against a local exchange, with the program's own exit status."""

import os
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
        (["/nonexistent/program"], 127, "expected a command to run, was '/nonexistent/program'"),
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


def test_a_command_that_a_signal_ended_has_a_shells_status():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run(sandbox(sys.executable, "-c", code), timeout=30, check=False).returncode == 128 + 9


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
