"""What the machine itself does in the same run: the yardstick beside figures that are no ratios."""

from __future__ import annotations

import socket
import subprocess
import time

from tests.bench.timing import spread

FRAMES = 2000
ROUND_TRIPS = 2000
LOADS = """
import sys, time, orjson
frames = sys.stdin.buffer.read().splitlines()
times = []
for _ in range(5):
    begun = time.perf_counter()
    for frame in frames:
        orjson.loads(frame)
    times.append(time.perf_counter() - begun)
print(1e6 * min(times) / len(frames))
"""
ECHO = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while data := sock.recv(65536):
    sock.sendall(data)
"""
PATIENCE = 60.0


def calibrate(python, frames) -> dict[str, float]:
    """Return microseconds of `orjson.loads` of a frame in that interpreter, and of a frame's echo over loopback."""
    done = subprocess.run(
        [python, "-c", LOADS], input=b"\n".join(frames), capture_output=True, check=True, timeout=PATIENCE
    )
    return {"loads_us": float(done.stdout), "echo_us": _echo(python, frames[0])}


def _echo(python, frame):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        port = server.getsockname()[1]
        with subprocess.Popen([python, "-c", ECHO, str(port)]) as other:
            try:
                sock, _ = server.accept()
                with sock:
                    sock.settimeout(PATIENCE)
                    begun = time.perf_counter()
                    for _ in range(ROUND_TRIPS):
                        sock.sendall(frame)
                        left = len(frame)
                        while left:
                            left -= len(sock.recv(left))
                    return 1e6 * (time.perf_counter() - begun) / ROUND_TRIPS
            finally:
                other.kill()


def calibration_words(rounds) -> str:
    """Return a line about the calibrations of all rounds."""
    loads, echo = (spread([each[name] for each in rounds]) for name in ("loads_us", "echo_us"))
    return "Calibration: `orjson.loads` of a frame {:.2f} us ({:.2f} to {:.2f}), ".format(
        *loads
    ) + "echo of a frame over loopback {:.0f} us ({:.0f} to {:.0f}).".format(*echo)
