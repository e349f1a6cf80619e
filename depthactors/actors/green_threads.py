"""Threads that gevent or eventlet has replaced by green ones.

If all of them are replaced before this package is imported, they work like real ones, in one thread of the system. If
only a part is replaced, they wait for each other for ever: a green thread that waits for a real lock or queue stops all
others. The same happens if they are replaced later, since the package has imported the real ones.
"""

from __future__ import annotations

import sys
from typing import Final

from depthactors.errors import LifecycleError

_HOW: Final = {"gevent": "gevent.monkey.patch_all()", "eventlet": "eventlet.monkey_patch()"}
_PARTS: Final = {
    "gevent": ("socket", "ssl", "select", "threading", "queue", "time"),
    "eventlet": ("socket", "select", "thread", "time"),
}


def replaced_by() -> str | None:
    """Return the name of the library that has replaced the threads, `None` for neither."""
    if "threading" in _replaced("gevent"):
        return "gevent"
    return "eventlet" if "thread" in _replaced("eventlet") else None


def check_green_threads() -> None:
    """Check that threads are not replaced in part, or after this package was imported.

    Raises:
        LifecycleError: they are replaced so; the message says what was replaced, and what to do.
    """
    for name, parts in _PARTS.items():
        replaced = _replaced(name)
        missing = [part for part in parts if part not in replaced]
        if replaced and missing:
            msg = (
                f"expected {name} to have replaced all of {', '.join(parts)}, or nothing, was all but "
                f"{', '.join(missing)}: green threads would wait for ever; {_HOW[name]} without arguments replaces all"
            )
            raise LifecycleError(msg)
        if replaced and name != _at_import:
            msg = (
                f"expected {name} to replace threads and sockets before depthactors is imported, did so later: green "
                f"threads would wait for ever; call {_HOW[name]} first of all"
            )
            raise LifecycleError(msg)


def _replaced(name: str) -> list[str]:
    if name == "gevent":
        monkey = sys.modules.get("gevent.monkey")
        return [part for part in _PARTS[name] if monkey is not None and monkey.is_module_patched(part)]
    patcher = sys.modules.get("eventlet.patcher")
    return [part for part in _PARTS[name] if patcher is not None and patcher.is_monkey_patched(part)]


_at_import: Final = replaced_by()
