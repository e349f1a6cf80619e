"""Public names of a package that are imported when they are first used (PEP 562): a program pays for what it uses."""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from depthactors.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_importing = threading.RLock()
"""Held during an import, so that no two threads import a package and a module of it at the same time: each would wait
for the other, and Python ends one of the imports with an error."""
_PATIENCE: Final = 10.0
"""Seconds to wait for the import of another thread; the longest ones take less than one."""


def on_demand(
    package: str,
    modules: Mapping[str, str],
    *,
    extra: str = "",
    needs: Mapping[str, Collection[str]] | None = None,
    missing: Callable[[str, str], Exception] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the `__getattr__` and the `__dir__` of a package, which imports the names for type checkers alone.

    Args:
        package: the package's `__name__`.
        modules: the module of each public name, relative to the package. A name of which the module has the same name
            is the module itself: once a module is imported, the package has it under its name.
        extra: the extra of depthactors with the packages in `needs`.
        needs: the packages that a name needs, and depthactors alone does not.
        missing: returns the error for any other name; given the package and the name.
    """
    needs = needs or {}

    def __getattr__(name: str) -> Any:  # noqa: N807 - a module's own
        """Import a public name.

        Raises:
            DependencyError: a package that it needs is not installed; the message says how to install it.
        """
        if name not in modules:
            if missing is not None:
                raise missing(package, name)
            msg = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(msg, name=name)
        try:
            module = _imported(f"{package}.{modules[name]}")
        except ModuleNotFoundError as error:
            lacking = (error.name or "").partition(".")[0]
            if lacking not in needs.get(name, ()):
                raise
            msg = f"{package}.{name} needs the package {lacking!r}: pip install 'depthactors[{extra}]'"
            raise DependencyError(msg) from None
        return module if modules[name] == name else getattr(module, name)

    def __dir__() -> list[str]:  # noqa: N807
        """Return all names that can be used, so that `help()` and `dir()` show them before they are imported."""
        from importlib.util import find_spec  # noqa: PLC0415 - only needed here

        def is_there(needed: str) -> bool:
            # Python refuses to look for a module that is imported and has no spec, as a stand-in has none.
            return sys.modules[needed] is not None if needed in sys.modules else find_spec(needed) is not None

        lacking = {name for name, packages in needs.items() if not all(map(is_there, packages))}
        return sorted({*vars(sys.modules[package]), *modules} - lacking)

    return __getattr__, __dir__


def _imported(module: str) -> Any:
    lock = _importing
    # Not without end: another thread may wait for this one in an import that does not come through here.
    is_held = lock.acquire(timeout=_PATIENCE)
    try:
        return import_module(module)
    finally:
        if is_held:
            lock.release()


def _begin_anew() -> None:
    """Have a lock that nobody holds, in a fork: a thread that is not there may have held it."""
    global _importing  # noqa: PLW0603 - it is the process's
    _importing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
