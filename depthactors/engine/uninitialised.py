"""What the absent attribute of a subclass raises that does not call `super().__init__()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection


def absent(instance: object, name: str, set_by_init: Collection[str]) -> Exception:
    """Return what to raise in `__getattr__`.

    Args:
        instance: the object without the attribute.
        name: the attribute.
        set_by_init: attributes that the base class's `__init__` sets, one of which each method reads first.
    """
    kind = type(instance).__name__
    if name in set_by_init:
        return UsageError(f"expected {kind}.__init__ to call super().__init__() first, was an object without {name!r}")
    return AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=instance)
