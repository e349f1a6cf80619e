"""The interpreter that has the peers: made once, kept in the user's cache. Ours runs on it too, beside them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

PYTHON = "3.13"
"""The peers publish nothing newer for older ones."""
REQUIREMENTS = (
    "python-binance==1.0.37",
    "ccxt==4.5.90",
    "cryptofeed==3.0.1",
    "picows==2.3.1",
    "unicorn-binance-local-depth-cache==2.14.0",
    "order-book==1.1.0",
    "nautilus_trader==1.231.0",
    "orjson",
)


def peers_python() -> Path:
    """Return the interpreter with the peers; makes its environment if there is none (minutes, a gigabyte).

    The package itself is not in it, only what it depends on: a contestant names the folder that has it.

    Raises:
        FileNotFoundError: there is no Python 3.13.
        subprocess.CalledProcessError: they could not be installed.
    """
    ours = [each for each in requires("depthactors") or () if "extra ==" not in each]
    wanted = [*REQUIREMENTS, *ours]
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    tag = hashlib.sha256("\n".join([*wanted, PYTHON]).encode()).hexdigest()[:12]
    folder = cache / "depthactors" / f"peers-{tag}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        sys.stderr.write(f"installing the peers into {folder}\n")
        subprocess.run([_base_python(), "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        done.touch()
    return python


def _base_python() -> str:
    if sys.version.startswith(f"{PYTHON}."):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*filter(None, [shutil.which(f"python{PYTHON}")]), *map(str, pyenv.glob(f"{PYTHON}.*/bin/python"))]
    # One on the path may be pyenv's shim for a version that is not chosen.
    for python in found:
        done = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
        if done.stdout.startswith(f"Python {PYTHON}."):
            return python
    msg = f"expected a Python {PYTHON} on the path or among pyenv's for the peers, found none"
    raise FileNotFoundError(msg)
