"""A value that threads use one at a time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

ValueT = TypeVar("ValueT")


class Guarded(Generic[ValueT]):
    """A value and its lock: `with guarded as value:`. No foreign code runs inside, and nothing that waits."""

    def __init__(self, value: ValueT) -> None:
        """Guard a value to which there is no other reference."""
        self._value = value
        self._lock = threading.Lock()

    def __enter__(self) -> ValueT:
        self._lock.acquire()
        return self._value

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
