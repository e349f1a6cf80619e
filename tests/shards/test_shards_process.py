"""A worker's process: it starts, ignores Ctrl-C, and leaves nothing when it ends."""

import logging
import multiprocessing.spawn
import os
import signal
import time
from pathlib import Path

import pytest

from depthactors.errors import LifecycleError, LineError
from depthactors.net.settings import NetworkSettings
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.messages import Alive, Begin
from depthactors.shards.process import WorkerProcess
from depthactors.version import VERSION
from tests.shards.shard_support import PATIENCE


@pytest.fixture
def process():
    process = WorkerProcess()
    yield process
    process.abort()
    process.channel.abort()
    process.channel.close()


def ignores_interrupts(pid):
    words = Path(f"/proc/{pid}/status").read_text()
    mask = int(words.partition("SigIgn:")[2].split()[0], 16)
    return bool(mask >> (signal.SIGINT - 1) & 1)


def begin(process, folder):
    process.channel.send_bytes(greet())
    process.channel.send(Begin("worker-1", NetworkSettings(), str(folder.path), logging.WARNING))
    check_greeting(process.channel.receive_bytes())


def test_a_worker_of_another_version_sends_its_version_and_ends(process, monkeypatch):
    process.channel.send_bytes(greet().replace(VERSION.encode(), b"9.8.7"))
    process.channel.send("what it cannot understand")
    assert f'depthactors": "{VERSION}' in process.channel.receive_bytes().decode()
    with pytest.raises(LineError, match="the other process is gone"):
        process.channel.receive()


def test_it_gives_signs_of_life_and_ends_with_its_channel(process, folder):
    begin(process, folder)
    while not isinstance(process.channel.receive(), Alive):
        pass
    assert process.status is None
    assert process.stop(PATIENCE)
    assert process.status == 0
    assert not Path(f"/proc/{process.pid}").exists(), "a zombie"


def test_it_ignores_ctrl_c_while_it_is_loaded(process, folder):
    deadline = time.monotonic() + PATIENCE
    while not ignores_interrupts(process.pid):
        assert time.monotonic() < deadline
    assert "orjson" not in Path(f"/proc/{process.pid}/maps").read_text(), "only now it is loaded"
    os.kill(process.pid, signal.SIGINT)
    begin(process, folder)
    assert isinstance(process.channel.receive(), Alive)


def test_a_process_that_does_not_end_by_itself_is_killed(process):
    os.kill(process.pid, signal.SIGSTOP)
    assert not process.stop(0.05)
    assert process.status == -signal.SIGKILL
    with pytest.raises(LineError):
        process.channel.receive()


def test_an_interpreter_that_is_not_there_is_a_typed_error_and_leaves_no_descriptor(monkeypatch):
    monkeypatch.setattr(multiprocessing.spawn, "get_executable", lambda: "/no/such/interpreter")
    before = len([*Path("/proc/self/fd").iterdir()])
    with pytest.raises(LifecycleError, match="expected to start a worker process with /no/such/interpreter"):
        WorkerProcess()
    assert len([*Path("/proc/self/fd").iterdir()]) == before
