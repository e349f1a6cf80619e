"""The terminal while it is drawn on: every key has its name, and whatever ends the drawing, all is as before."""

import signal
import subprocess
import sys

import pytest

from tests.cli.terminal import Terminal
from tests.support import table

KEYS = """
from depthactors.cli.screen import screen
keys = []
with screen() as shown:
    shown.show([(("ready", "bold"),)])
    while (key := shown.key(20)) != "q":
        keys.append(key)
print("keys:", *keys)
"""
ENDS = """
import sys
from depthactors.cli.screen import screen
with screen() as shown:
    print(shown.size, file=open(sys.argv[1], "w"))
    shown.show([(("x" * 60, "ask"),)] * 20)
    shown.key(0)
    shown.show([(("ready", "chosen"),)])
    {last}
"""


def test_keys_have_names():
    names = {
        "\x1bOA": "up", "\x1bOB": "down", "\x1bOD": "left", "\x1bOC": "right", "\t": "tab", "\x1b[Z": "back-tab",
        "\x1b[5~": "page-up", "\x1b[6~": "page-down", "\r": "enter", "+": "+", "7": "7", "[": "[",
    }  # fmt: skip
    with Terminal("-c", KEYS) as terminal:
        terminal.wait_for("ready")
        terminal.press("".join(names) + "q")
        status, written = terminal.end()
        assert (status, terminal.is_as_it_was()) == (0, True)
    assert written.splitlines()[-1].split()[-len(names) :] == [*names.values()]


@table(
    ("last", "act", "status"),
    [
        ("raise ZeroDivisionError", None, 1),
        ("shown.key(20)", signal.SIGTERM, 143),
        ("shown.key(20)", signal.SIGHUP, 129),
        ("shown.key(20)", signal.SIGINT, -signal.SIGINT),
    ],
)
def test_whatever_ends_it_the_terminal_is_as_it_was(tmp_path, last, act, status):
    with Terminal("-c", ENDS.format(last=last), str(tmp_path / "size"), size=(60, 20)) as terminal:
        terminal.wait_for("ready")
        if act is not None:
            terminal.child.send_signal(act)
        assert terminal.end()[0] == status
        assert terminal.is_as_it_was()
    assert (tmp_path / "size").read_text() == "(60, 20)\n"


def test_a_terminal_that_is_taken_away_ends_it(tmp_path):
    with Terminal("-c", ENDS.format(last="shown.key(20)"), str(tmp_path / "size")) as terminal:
        terminal.wait_for("ready")
        terminal.close()
        # Python makes 120 of it where something of stdout is left to be written.
        assert terminal.child.wait(timeout=10) in {1, 120}, "an exception of its own"


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal", "vt100"])
def test_a_terminal_that_cannot_be_drawn_on_is_known(term):
    with Terminal("-c", "from depthactors.cli.screen import can_draw; print(can_draw())", term=term) as terminal:
        assert terminal.end() == (0, f"{term == 'vt100'}\r\n")


def test_what_draws_brings_no_event_loop_and_no_extra():
    program = "import depthactors.cli.live, sys; print({'asyncio', 'rich', 'websockets'} & {*sys.modules})"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout == "set()\n"
