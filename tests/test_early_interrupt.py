"""Ctrl-C while a command is imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("depthactors")
# An import that waits until it is interrupted, in the place of one that the package needs.
SLOW = """
import os
os.write({end}, b"importing")
import signal
signal.pause()
"""


@pytest.mark.parametrize(
    ("command", "quiet"),
    [([SCRIPT], True), (["-m", "depthactors"], True), (["-c", "import depthactors"], False)],
    ids=["script", "module", "program"],
)
def test_a_command_ends_quietly_and_a_program_as_it_would_without_the_package(tmp_path, command, quiet):
    begun, end = os.pipe()
    (tmp_path / "logging.py").write_text(SLOW.format(end=end))
    variables = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, *command], env=variables, pass_fds=[end], stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert os.read(begun, 9) == b"importing"
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=20)
        finally:
            child.kill()
            os.close(begun)
            os.close(end)
    assert child.returncode == -signal.SIGINT
    assert ("KeyboardInterrupt" not in errors) is quiet
    assert (errors == "") is quiet


def test_once_imported_a_command_is_interrupted_by_an_exception():
    program = """
import sys, signal
sys.orig_argv[1:] = ["-m", "depthactors"]
from depthactors.cli import main
assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
assert main([]) == 0
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30, stdout=subprocess.DEVNULL)
