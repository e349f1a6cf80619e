"""The proofs of shared books themselves: short ones, and that they would see what they are there to see."""

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from depthactors.book import BookState, OrderBook
from depthactors.book.view import capture
from depthactors.exchange import LocalExchange
from depthactors.sharing.place import folder_of
from tests.share import tape
from tests.share.child import Child
from tests.share.kill import Judge
from tests.share.witness import Witness
from tests.soak.test_soak import ROOT
from tests.support import until

PAUSE = threading.Event()
SMALL = Path("us") / "us-202110" / "compusdt.gz"
LARGE = Path("spot") / "spot-20240808" / "btcusdt.gz"


def told(output):
    return dict(line.split(": ", 1) for line in output.splitlines())


def share(*arguments, timeout=55):
    command = [sys.executable, "-m", "tests.share", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.mark.parametrize(
    ("recording", "rate"),
    [(SMALL, 0), pytest.param(LARGE, 0, marks=pytest.mark.full), pytest.param(LARGE, 2_000, marks=pytest.mark.full)],
)
def test_a_short_run_of_torn_has_no_wrong_view(captures, recording, rate):
    run = share("torn", "--readers", 2, "--reads", 12_000, "--recording", captures / recording, "--rate", rate)
    assert run.returncode == 0, run.stdout + run.stderr
    figures = told(run.stdout)
    assert (figures["wrong views"], figures["views that went backwards"]) == ("0", "0")
    assert int(figures["reads"].split()[0]) >= 12_000
    assert int(figures["updates seen by each reader"].split()[0]) >= 10


@pytest.mark.full
@pytest.mark.parametrize("more", [[], ["--processes", 2]], ids=["alone", "workers"])
def test_a_short_run_of_kill_has_no_mismatch_and_leaves_nothing(more):
    run = share("kill", "--minutes", 0.06, "--symbols", 3, "--readers", 2, "--seed", 3, *more)
    assert run.returncode == 0, run.stdout + run.stderr
    figures = told(run.stdout)
    assert (figures["mismatches"], figures["folders left"], figures["processes left"]) == ("0", "0", "0")
    assert int(figures["live views compared"]) > 20
    assert figures["killed"] != "{}"


def left_of(name):
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if name.encode() in (process / "cmdline").read_bytes():
                left.append(process.name)
    return left


@pytest.mark.full
@pytest.mark.parametrize("arguments", [["torn", "--reads", "100000000", "--recording"], ["kill", "--minutes", "10"]])
def test_ctrl_c_leaves_no_process_behind(captures, arguments):
    command = [sys.executable, "-m", "tests.share", *arguments]
    if arguments[-1] == "--recording":
        command.append(str(captures / SMALL))
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        name = f"{arguments[0]}-{process.pid}"
        deadline = time.monotonic() + 40
        while not any(folder_of(name).glob("book-*")):
            assert time.monotonic() < deadline
            assert process.poll() is None, process.stderr.read()
            PAUSE.wait(0.02)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=40)
    finally:
        process.kill()
        process.wait()
        # Not read to their end: a child that is left may hold them open.
        process.stdout.close()
        process.stderr.close()
    assert (process.returncode, output) == (130, "interrupted\n")
    assert not folder_of(name).exists()
    until(lambda: not left_of(name))


def test_a_child_ends_with_its_parent(captures):
    name = f"orphan-{os.getpid()}"
    script = f"""
import os, signal
from tests.share.child import Child
writer = Child("torn_writer", {name!r}, {str(captures / SMALL)!r}, 5, 100.0)
print(writer.heard(40), writer.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )
    word, _pid = run.stdout.split()
    assert word == "ready", run.stderr
    deadline = time.monotonic() + 20
    while folder_of(name).exists():
        assert time.monotonic() < deadline, "it goes on without its parent"
        PAUSE.wait(0.02)


def test_the_readers_of_torn_see_a_wrong_view(captures, tmp_path):
    """The proof is wrong in one place: so is each view of that update."""
    played = tape.load(captures / SMALL)
    table = dict.fromkeys(tape.truths(played, 5), 0)
    proof = tmp_path / "proof"
    proof.write_bytes(pickle.dumps((played.symbol, played.snapshot, table)))
    name = f"wrong-{os.getpid()}"
    with Child("torn_writer", name, captures / SMALL, 5, 100.0) as writer:
        assert writer.heard(40) == "ready"
        with Child("torn_reader", name, proof, 5, 1_000) as reader:
            row = reader.heard(40)
    assert row["wrong"] == row["reads"] >= 1_000


def test_the_truths_of_a_tape_are_those_of_its_books(captures):
    played = tape.load(captures / SMALL)
    table = tape.truths(played, 5)
    assert len(table) == len(played.events) + 1
    book = OrderBook(played.symbol, played.snapshot, depth=5)
    for recv_time, diff in played.events:
        book.apply(diff, recv_time)
        view = capture(book, 5, BookState.LIVE, float, 0.0)
        assert table[diff.last_id] == tape.digest(view.bids, view.asks)


def test_the_judge_sees_a_wrong_view_and_an_id_that_never_was():
    with LocalExchange.with_order_flow(["KILLUSDT"], rate=50.0) as exchange, Judge(exchange) as judge:
        judge.views.put(("KILLUSDT", 10**15, 1, 20))
        deadline = time.monotonic() + 10
        while not judge.compared:
            assert time.monotonic() < deadline
            PAUSE.wait(0.02)
    assert len(judge.mismatches) == 1


def test_a_witness_knows_when_books_were_live_again():
    views = queue.SimpleQueue()
    witness = Witness(views)
    witness(["live", 10.0])
    assert witness.wait_live(5.0, 0.0) == 10.0
    assert witness.wait_live(11.0, 0.0) is None, "it may not have noticed yet"
    witness(["down", 12.0])
    assert witness.wait_live(11.0, 0.0) is None
    witness(["live", 14.0])
    assert witness.wait_live(11.0, 0.0) == 14.0
    assert (witness.downs(11.0), witness.downs(13.0)) == (1, 0)
    witness(["error", "KeyError: 1"])
    witness(["view", "BTCUSDT", 7, 1, 20])
    witness(["turn"])
    assert (witness.errors, views.get(timeout=1)) == (["KeyError: 1"], ("BTCUSDT", 7, 1, 20))
