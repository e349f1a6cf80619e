"""The names of other packages that are used though those packages do not promise them, and a check that they are there.

All of them are here, and no other module has one. `pyproject.toml` has an upper bound for each of these packages. A
release without one of the names is an error when an engine is imported (`from depthactors import DepthEngine`), and
not in some thread later.
"""

from __future__ import annotations

import subprocess
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pykka

from depthactors.errors import DependencyError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from websocket import WebSocket

NAMES: Final = {
    "pykka>=4.2,<4.6": (
        "pykka._envelope:Envelope",
        "pykka.messages:_ActorStop",
        "pykka:ActorRegistry._actor_refs",
        "pykka:ActorRegistry._actor_refs_lock",
        # Methods that are overridden, or called by those that are.
        "pykka:ThreadingActor._create_actor_inbox",
        "pykka:ThreadingActor._start_actor_loop",
        "pykka:ThreadingActor._actor_loop",
        "pykka:ThreadingActor._handle_receive",
        "pykka:ThreadingActor._stop",
    ),
    "websocket-client>=1.8,<1.10": (
        "websocket:WebSocket().sock",
        "websocket:WebSocket().frame_buffer.recv",
        "websocket:WebSocket().frame_buffer.length",
    ),
    "Python>=3.11": (
        "subprocess:_args_from_interpreter_flags",
        "_socket:socket.shutdown",
    ),
}
"""The names by the requirement that has them. `()` is a call; the rest is as Python has it."""


def check() -> None:
    """Check that every name is there; some microseconds.

    Raises:
        DependencyError: a name is missing; the message says which, of which version, and what to install.
    """
    for requirement, names in NAMES.items():
        for name in names:
            try:
                _find(name)
            except (ImportError, AttributeError) as error:
                found = _version_of(requirement.partition(">")[0])
                msg = f"expected {name.replace(':', '.')}, was {found}, which does not have it: install '{requirement}'"
                raise DependencyError(msg) from error


def _find(name: str) -> Any:
    module, _, path = name.partition(":")
    found = import_module(module)
    for part in path.split("."):
        found = getattr(found, part.removesuffix("()"))
        if part.endswith("()"):
            found = found()
    return found


def _version_of(package: str) -> str:
    # Not sooner: they take longer to import than all names to find.
    import platform  # noqa: PLC0415
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return f"Python {platform.python_version()}" if package == "Python" else f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"a {package} that was not installed"


check()

if TYPE_CHECKING:
    from pykka._envelope import Envelope
    from pykka.messages import _ActorStop as ActorStop
else:
    Envelope, ActorStop = _find("pykka._envelope:Envelope"), _find("pykka.messages:_ActorStop")

__all__ = [
    "NAMES", "ActorStop", "Envelope", "add_actor", "at_end_of_main_thread", "bytes_of_frame", "check",
    "flags_of_interpreter", "read_by", "remove_actor", "shut_down_system_socket", "use_socket",
]  # fmt: skip


def add_actor(ref: pykka.ActorRef[Any]) -> None:
    """Register an actor with pykka. Its own `register` logs, and a log handler is foreign code."""
    with pykka.ActorRegistry._actor_refs_lock:  # noqa: SLF001
        pykka.ActorRegistry._actor_refs.append(ref)  # noqa: SLF001


def remove_actor(ref: pykka.ActorRef[Any]) -> None:
    """Undo `add_actor`; harmless when that was done before."""
    with pykka.ActorRegistry._actor_refs_lock:  # noqa: SLF001
        if ref in pykka.ActorRegistry._actor_refs:  # noqa: SLF001
            pykka.ActorRegistry._actor_refs.remove(ref)  # noqa: SLF001


def use_socket(web_socket: WebSocket, sock: socket.socket) -> None:
    """Have a websocket send on another socket."""
    web_socket.sock = sock


def read_by(web_socket: WebSocket, read: Callable[[int], bytes]) -> None:
    """Have a websocket's frame parser read at most n bytes by `read(n)`."""
    web_socket.frame_buffer.recv = read


def bytes_of_frame(web_socket: WebSocket) -> int:
    """Return the length of the frame that is being read, 0 while that is not known."""
    return web_socket.frame_buffer.length or 0


def flags_of_interpreter() -> list[str]:
    """Return the flags with which this interpreter was started: -I, -O, -W, -X and the like."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
    return flags


def shut_down_system_socket(sock: Any, how: int) -> bool:
    """Shut a socket down by the system's own call, past all methods of its class; `False` if it is none of those."""
    import _socket  # noqa: PLC0415

    if not isinstance(sock, _socket.socket):
        return False
    _socket.socket.shutdown(sock, how)
    return True


def at_end_of_main_thread(function: Callable[[], None]) -> None:
    """Have a function called when the main thread is over, before other threads are waited for; if Python can do it."""
    if hasattr(threading, "_register_atexit"):
        threading._register_atexit(function)  # pyright: ignore[reportAttributeAccessIssue]  # noqa: SLF001
