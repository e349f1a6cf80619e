"""The interpreter that has the peers: made once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = (
    "python-binance==1.0.37",
    "ccxt==4.5.90",
    "unicorn-binance-local-depth-cache==2.14.0",
    "order-book==0.6.1",
    "nautilus_trader==1.221.0",
    "orjson",
)


def peers_python() -> Path:
    """Return the interpreter with the peers; makes its environment if there is none (minutes, half a gigabyte).

    Raises:
        subprocess.CalledProcessError: they could not be installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    tag = hashlib.sha256("\n".join([*REQUIREMENTS, sys.version]).encode()).hexdigest()[:12]
    folder = cache / "depthactors" / f"peers-{tag}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        sys.stderr.write(f"installing the peers into {folder}\n")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        done.touch()
    return python
