"""Errors that can be sent to the engine's process."""

from __future__ import annotations

import pickle
from typing import Any

from depthactors.errors import LifecycleError, as_value


def portable(error: Any) -> Any:
    """Return the error, or a `LifecycleError` with the same words if it cannot be pickled and unpickled."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever a foreign error does when it is copied
        return LifecycleError(f"{type(error).__name__}: {error}")
    return as_value(error)
