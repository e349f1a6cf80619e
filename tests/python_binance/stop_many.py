"""How long 300 books take to end: by Ctrl-C, by `stop()`, and by the interpreter's exit.

    python tests/binance/stop_many.py [--books 300] [--runs 20] [--kind ctrl-c --kind stop --kind exit]

Each run is a process of its own, against a local exchange in another. Prints the longest time of each kind, and
whether any thread or socket was left; ends with 1 if one was, or if a process ended otherwise than it should.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from depthactors import DepthCache, ThreadedDepthCacheManager, markets
from depthactors.exchange.shapes.invented_symbols import invent

KINDS = {"ctrl-c": -signal.SIGINT, "stop": 0, "exit": 0}
"""How the process ends, and its exit status then."""
PATIENCE = 120.0


def child(kind, count):
    """Follow the books until each is live; then end, as the kind has it."""
    sockets_before = sockets()
    symbols = invent(markets.SPOT, count)
    missing, all_live = set(symbols), threading.Event()

    def handle(cache):
        if isinstance(cache, DepthCache):
            missing.discard(cache.symbol)
        else:
            say(f"unexpected {cache if cache is None else cache['type']} to a callback")
        if not missing:
            all_live.set()

    manager = ThreadedDepthCacheManager()
    manager.start()
    for symbol in symbols:
        manager.start_depth_cache(handle, symbol, ws_interval=100)
    if not all_live.wait(PATIENCE):
        say(f"unexpected: {len(missing)} of {count} books never live")
        return
    live = f"live threads={len(ours())} sockets={len(sockets() - sockets_before)}"
    if kind == "ctrl-c":
        try:
            say(live)
            manager.join()
        finally:
            begin = time.monotonic()
            manager.stop()
            tell_end(begin, sockets_before)
        return
    say(live)
    if kind == "stop":
        begin = time.monotonic()
        manager.stop()
        tell_end(begin, sockets_before)


def tell_end(begin, sockets_before):
    seconds = time.monotonic() - begin
    say(f"stopped seconds={seconds:.3f} threads={len(ours())} sockets={len(sockets() - sockets_before)}")


def ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("depthactors")]


def sockets():
    """Return the sockets of this process, as the system names them."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        try:
            target = str(path.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(kind, count, url):
    """Run one child; returns the seconds from the signal, or from its last sign of life, to its end, and complaints."""
    with subprocess.Popen(
        [sys.executable, __file__, "--child", kind, "--books", str(count)],
        env=os.environ | {"DEPTHACTORS_EXCHANGE": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        live = process.stdout.readline()
        begin = time.monotonic()
        if kind == "ctrl-c":
            process.send_signal(signal.SIGINT)
        try:
            rest, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return PATIENCE, [f"did not end in {PATIENCE:g} s"]
        seconds = time.monotonic() - begin
    unexpected = Counter(line for line in (live + rest).splitlines() if line.startswith("unexpected"))
    complaints = [f"{line} ({count} times)" for line, count in unexpected.items()]
    if process.returncode != KINDS[kind]:
        complaints.append(f"status {process.returncode}, expected {KINDS[kind]}")
    left = re.search(r"threads=(\d+) sockets=(\d+)", rest)
    if kind != "exit" and (left is None or left.groups() != ("0", "0")):
        complaints.append(f"left behind: {rest.strip() or 'nothing was said'}")
    errors = [line for line in errors.splitlines() if line and "DEPTHACTORS_EXCHANGE is set" not in line]
    if errors and (kind != "ctrl-c" or errors[-1] != "KeyboardInterrupt"):
        complaints.append(f"stderr ends with: {errors[-1]}")
    return seconds, complaints


def run_once(kind, count):
    """Run one child against an exchange of its own: one that counts would let few of them in, in a minute."""
    command = ["-m", "depthactors", "exchange", "--symbols", str(count), "--port", "0"]
    figures = ["--rate", "2", "--levels", "3", "--depth", "100"]
    with subprocess.Popen([sys.executable, *command, *figures], stdout=subprocess.PIPE, text=True) as exchange:
        try:
            lines = (line for line in exchange.stdout if "DEPTHACTORS_EXCHANGE=" in line)
            return run(kind, count, re.search(r"DEPTHACTORS_EXCHANGE=(\S+)", next(lines))[1])
        finally:
            exchange.terminate()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--books", type=int, default=300)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--kind", action="append", choices=KINDS, help="may be repeated; all of them by default")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.books)
        return 0
    bad = False
    for kind in options.kind or KINDS:
        results = [run_once(kind, options.books) for _ in range(options.runs)]
        times = sorted(seconds for seconds, _ in results)
        complaints = [complaint for _, found in results for complaint in found]
        bad = bad or bool(complaints)
        say(
            f"{kind:<7} {options.books} books, {len(times)} runs: longest {times[-1]:.2f} s, median "
            f"{times[len(times) // 2]:.2f} s, " + ("; ".join(dict.fromkeys(complaints)) or "no thread or socket left")
        )
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
