"""A worker's process: it starts, ignores Ctrl-C, and leaves nothing when it ends."""

import logging
import multiprocessing.spawn
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from depthactors.errors import LifecycleError, LineError, UsageError, WorkerVersionError
from depthactors.net.settings import NetworkSettings
from depthactors.shards import interpreter
from depthactors.shards.channel import pickled
from depthactors.shards.greeting import check_greeting, greet
from depthactors.shards.messages import Alive, Begin
from depthactors.shards.process import WorkerProcess
from depthactors.version import VERSION
from tests.shards.shard_support import PATIENCE
from tests.support import Recorder


@pytest.fixture
def process():
    process = WorkerProcess("worker-1")
    yield process
    process.abort()
    process.close()


def ignores_interrupts(pid):
    words = Path(f"/proc/{pid}/status").read_text()
    mask = int(words.partition("SigIgn:")[2].split()[0], 16)
    return bool(mask >> (signal.SIGINT - 1) & 1)


class Received:
    """What a process says, and how it ends."""

    def __init__(self, process):
        self.messages, self.ends = Recorder(), Recorder()
        self.receiver = process.start(self.messages, self.ends)

    def end(self):
        return self.ends.wait_for(lambda _each: True, PATIENCE)


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


def test_what_it_says_is_received_and_then_its_end(process, folder):
    received = Received(process)
    process.send(Begin("worker-1", NetworkSettings(), str(folder.path), logging.WARNING))
    received.messages.wait_for(lambda each: isinstance(each, Alive), PATIENCE)
    assert process.stop(PATIENCE)
    assert isinstance(received.end(), LineError)
    received.receiver.join(PATIENCE)
    assert not received.receiver.is_alive()
    process.send("lost")


def test_a_message_that_cannot_be_handled_ends_the_receiving(process, folder):
    def refuse(message):
        raise UsageError(message)

    ends = Recorder()
    process.start(refuse, ends)
    process.send(Begin("worker-1", NetworkSettings(), str(folder.path), logging.WARNING))
    assert isinstance(ends.wait_for(lambda _each: True, PATIENCE), UsageError)


def test_a_message_that_cannot_be_pickled_is_the_senders_error(process):
    with pytest.raises(TypeError, match="pickle"):
        process.send(threading.Lock())


SAYS = "import socket, struct; socket.socket(fileno={}).sendall(struct.pack('!I', len({!r})) + {!r})"


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (greet().replace(VERSION.encode(), b"9.8.7"), r"was one of depthactors 9.8.7 \("),
        (pickled("alive"), "was one of a version of depthactors that does not say which"),
    ],
    ids=["another", "one without greetings"],
)
def test_a_process_of_another_version_ends_the_receiving_and_the_error_names_both(monkeypatch, theirs, words):
    def command(descriptor):
        return [sys.executable, "-c", SAYS.format(descriptor, theirs, theirs)]

    monkeypatch.setattr(interpreter, "command", command)
    process = WorkerProcess("worker-1")
    error = Received(process).end()
    process.abort()
    process.close()
    assert type(error) is WorkerVersionError
    assert re.search(rf"expected a process of depthactors {VERSION} \(.*{words}", str(error))


def test_it_ignores_ctrl_c_while_it_is_loaded_gives_signs_of_life_and_ends_with_its_channel(process, folder):
    deadline = time.monotonic() + PATIENCE
    while not ignores_interrupts(process.pid):
        assert time.monotonic() < deadline
    assert "orjson" not in Path(f"/proc/{process.pid}/maps").read_text(), "only now it is loaded"
    os.kill(process.pid, signal.SIGINT)
    begin(process, folder)
    assert isinstance(process.channel.receive(), Alive)
    assert process.status is None
    assert process.stop(PATIENCE)
    assert process.status == 0
    assert not Path(f"/proc/{process.pid}").exists(), "a zombie"


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
        WorkerProcess("worker-1")
    assert len([*Path("/proc/self/fd").iterdir()]) == before
