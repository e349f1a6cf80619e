"""Measure how much the local exchange carries: `python carry_load.py --rate 100 --symbols 200 --clients 1 2 4`.

The exchange runs in a process on a core of its own, the clients in processes on the others. They subscribe to
all streams and only count frames, so what is measured is the exchange. Its share of the core should hardly
grow with the clients: each frame is made and encoded once, and only sent once more for each of them.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import multiprocessing
import os
import pstats
import socket
import struct
import time
from pathlib import Path

from depthactors.exchange import LocalExchange
from depthactors.exchange.feeds.player import Player
from depthactors.exchange.shapes.invented_symbols import invent
from depthactors.markets import USDM

PATH = "/public/stream"
BUFFER = 1 << 20
TEXT = 1
LONG, LONGER = 126, 127
"""Lengths of a frame that announce two and eight bytes with the true one."""
WARM_UP = 1.0
PATIENCE = 10.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def serve(options, pipe):
    """Run the exchange on the first core until told to stop."""
    os.sched_setaffinity(0, {options.cores[0]})
    profile = cProfile.Profile() if options.profile else None
    if profile is not None:
        run = Player._run
        Player._run = lambda player: profile.runcall(run, player)
    symbols = invent(USDM, options.symbols)
    with LocalExchange.with_order_flow(
        symbols, market="usdm", rate=options.rate, levels=options.levels, repeat=options.repeat
    ) as exchange:
        pipe.send((exchange.port, symbols))
        pipe.recv()
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def count(port, symbols, options, pipe):
    """Subscribe to everything and count frames between two moments that the parent names."""
    os.sched_setaffinity(0, set(options.cores[1:]))
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        left = subscribe(sock, symbols)
        pipe.send("ready")
        begin, end = pipe.recv()
        buffer = bytearray(BUFFER)
        frames = size = 0
        start = None
        while True:
            now = time.monotonic()
            if start is None and now >= begin:
                start, frames, size = now, 0, 0
            if now >= end:
                break
            received = sock.recv_into(buffer)
            if not received:
                break
            left += memoryview(buffer)[:received]
            found, length, used = frames_in(left)
            frames += found
            size += length
            del left[:used]
        pipe.send((frames, size, time.monotonic() - (start or now), now >= end))


def subscribe(sock, symbols):
    """Open the websocket and subscribe; return what was received after the acknowledgement."""
    head = (
        f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    sock.sendall(head.encode())
    receive_until(sock, b"\r\n\r\n")
    names = [USDM.diff_stream(symbol) for symbol in symbols]
    text = json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}).encode()
    # A mask of zeros leaves the text as it is.
    sock.sendall(struct.pack(">BBQ4x", 0x80 | TEXT, 0x80 | LONGER, len(text)) + text)
    return receive_until(sock, b'"id":1}')


def receive_until(sock, mark):
    """Receive up to a mark; return what came after it."""
    received = bytearray()
    while mark not in received:
        data = sock.recv(BUFFER)
        if not data:
            msg = f"expected {mark!r}, was the end after {bytes(received)!r}"
            raise SystemExit(msg)
        received += data
    return received[received.index(mark) + len(mark) :]


def frames_in(data):
    """Return how many whole text frames there are, their payloads' size, and the bytes they take."""
    frames = size = place = 0
    end = len(data)
    while place + 2 <= end:
        kind, length = data[place], data[place + 1]
        head = 2
        if length == LONG:
            head = 4
            length = int.from_bytes(data[place + 2 : place + 4], "big")
        elif length == LONGER:
            head = 10
            length = int.from_bytes(data[place + 2 : place + 10], "big")
        if place + head + length > end:
            break
        place += head + length
        if kind & 0x0F == TEXT:
            frames += 1
            size += length
    return frames, size, place


def cpu_seconds(pid):
    """Return the CPU time that a process has used, of its own and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) / TICKS_A_SECOND, int(fields[12]) / TICKS_A_SECOND


def measure(options, clients):
    """Run the exchange with `count` clients and print one line about it."""
    context = multiprocessing.get_context("spawn")
    pipe, far_end = context.Pipe()
    exchange = context.Process(target=serve, args=(options, far_end))
    exchange.start()
    counters = []
    try:
        port, symbols = pipe.recv()
        for _ in range(clients):
            near, far = context.Pipe()
            counter = context.Process(target=count, args=(port, symbols, options, far))
            counter.start()
            counters.append((counter, near))
        for _, near in counters:
            near.recv()
        begin = time.monotonic() + WARM_UP
        for _, near in counters:
            near.send((begin, begin + options.seconds))
        wait_until(begin)
        user, system = cpu_seconds(exchange.pid)
        wait_until(begin + options.seconds)
        user, system = (now - before for now, before in zip(cpu_seconds(exchange.pid), (user, system), strict=True))
        results = [near.recv() for _, near in counters]
    finally:
        pipe.send("stop")
        for process in (exchange, *(counter for counter, _ in counters)):
            process.join(PATIENCE)
            if process.is_alive():
                process.terminate()
    report(options, clients, results, user, system)


def wait_until(moment):
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)


def report(options, clients, results, user, system):
    frames = sum(found / seconds for found, _, seconds, _ in results) / clients
    mean = sum(size for _, size, _, _ in results) / max(1, sum(found for found, _, _, _ in results))
    wanted = options.rate * options.symbols
    cut_off = sum(not stayed for *_, stayed in results)
    print(
        f"{clients} client(s): {frames:8,.0f} frames/s each ({frames / wanted:4.0%} of {wanted:,.0f}), "
        f"{mean:,.0f} bytes a frame, {frames * mean * clients / 1e6:,.0f} MB/s in all; exchange "
        f"{(user + system) / options.seconds:4.0%} of a core ({user / options.seconds:.0%} user, "
        f"{system / options.seconds:.0%} system), {(user + system) / options.seconds / max(1, frames) * 1e6:.1f} us "
        f"a frame" + (f"; {cut_off} cut off" if cut_off else ""),
        flush=True,
    )


def main():
    cores = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, default=100.0, help="events a second and symbol (%(default)s)")
    parser.add_argument("--symbols", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--levels", type=float, default=55.0, help="level changes in an event (%(default)s)")
    parser.add_argument("--repeat", type=int, default=500, help="events on the tape (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5.0, help="to measure for (%(default)s)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4], help="a run for each (1 2 4)")
    parser.add_argument("--profile", action="store_true", help="profile the player's thread, which slows it down")
    options = parser.parse_args()
    if len(cores) < 2:
        parser.error("expected at least two cores, was one")
    options.cores = cores
    for clients in options.clients:
        measure(options, clients)


if __name__ == "__main__":
    main()
