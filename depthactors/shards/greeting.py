"""The greeting: the first message of each end of a channel, in plain text. Both processes use this module.

A worker that starts after an upgrade, under an engine that still runs, has the new version; and only the same classes
can unpickle what was pickled. So nothing is unpickled before both ends are known to have the same version. A digest of
the classes of all messages is compared too, because the version stays the same while the package is worked on.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from depthactors import errors, markets, status
from depthactors.actors import book_event, book_spec, questions
from depthactors.book import BookState, BookView
from depthactors.errors import WorkerVersionError
from depthactors.net import settings
from depthactors.net.allowance import WeightLevel
from depthactors.net.proxy import Proxy
from depthactors.pacing import Backoff, Timing
from depthactors.shards import messages
from depthactors.sharing.pulse import LAYOUT
from depthactors.sync import Counters
from depthactors.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_MODULES: Final = (messages, book_event, book_spec, questions, status, settings, markets, errors)
_CLASSES: Final = (BookState, BookView, Proxy, Backoff, Timing, WeightLevel, Counters)


def greet() -> bytes:
    """Return the greeting to send."""
    return json.dumps({"depthactors": VERSION, "messages": _DIGEST, "layout": LAYOUT}).encode()


def check_greeting(data: bytes) -> None:
    """Check the greeting of the other end.

    Raises:
        WorkerVersionError: it has another version; the message names both.
    """
    ours, theirs = json.loads(greet()), _read(data)
    if theirs != ours:
        msg = f"expected a process of {_words(ours)}, was one of {_words(theirs)}: was the package replaced meanwhile?"
        raise WorkerVersionError(msg)


def _read(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        # A version without greetings, whose first message is pickled.
        return None


def _words(greeting: Any) -> str:
    if not isinstance(greeting, dict):
        return "a version of depthactors that does not say which"
    return f"depthactors {greeting.get('depthactors')} (messages {str(greeting.get('messages'))[:8]})"


def _shapes(module: ModuleType) -> Iterator[str]:
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == module.__name__:
            yield _shape(each)


def _shape(kind: type) -> str:
    """Return the name of a class, and the names and types of what its pickled objects have."""
    parts: list[str] = []
    if is_dataclass(kind):
        parts = [f"{each.name}: {each.type}" for each in fields(kind)]
    elif issubclass(kind, Enum):
        parts = [str(each) for each in kind]
    else:
        # A named tuple has fields, another class perhaps slots.
        parts = [str(each) for each in getattr(kind, "_fields", getattr(kind, "__slots__", ()))]
    return f"{kind.__module__}.{kind.__qualname__}({', '.join(parts)})"


def _digest() -> str:
    shapes = [shape for module in _MODULES for shape in _shapes(module)]
    shapes += map(_shape, _CLASSES)
    return sha256("\n".join(sorted(shapes)).encode()).hexdigest()


_DIGEST: Final = _digest()
