"""The page of the local exchange: its tables are those of the code, and its commands run as they stand."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from depthactors.exchange import KINDS, Limits
from depthactors.exchange.catalogue import PRECEDENCE
from depthactors.exchange.fault import Place
from depthactors.exchange.limits import MEANINGS
from tests.exchange.exchange_support import spot_messages, write_recording
from tests.exchange.test_exchange_pytest_plugin import SUITE
from tests.page_support import blocks, text

PAGE = "depthactors/exchange/README.md"
COMMANDS = [line for _, block in blocks(PAGE, "sh") for line in block.splitlines()]


def test_the_table_of_faults_has_every_kind_under_its_place():
    for place in Place:
        rows = [f"| `{kind}` | {effect} |" for kind, (where, effect) in KINDS.items() if where is place]
        assert "\n".join([f"| at {place.value} | |", "|---|---|", *rows, ""]) in text(PAGE)


def test_the_table_of_limits_has_every_figure():
    for name, meaning in MEANINGS.items():
        figures = " | ".join(f"{getattr(Limits.of(row), name):g}" for row in PRECEDENCE)
        assert f"| `{name}` | {figures} | {meaning} |" in text(PAGE)


def test_the_marker_is_one_that_a_test_uses():
    lines = SUITE.splitlines()
    assert any(f"`{line}`" in text(PAGE) for line in lines if line.startswith("@pytest.mark.local_exchange"))


@pytest.mark.full
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs_as_it_stands(tmp_path, command):
    program = blocks(PAGE, "python")[0][1]
    (tmp_path / "your_program.py").write_text(program)
    write_recording(tmp_path / "btcusdt.gz", spot_messages())
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    # Another exchange may have the usual port.
    words = [*shlex.split(command), *(["--port", "0"] if " exchange " in command else [])]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        if " exchange " in command:
            assert any("Ctrl-C ends it" in line for line in running.stdout)
            running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=50)
        assert running.returncode == 0, output
