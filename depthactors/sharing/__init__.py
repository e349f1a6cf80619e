"""Books in shared memory: one process writes them, every other process of the machine may read them."""

from depthactors.sharing.engines import running_engines
from depthactors.sharing.folder import EngineFolder, book_size
from depthactors.sharing.listing import SharedBook
from depthactors.sharing.reader import DepthReader

__all__ = ["DepthReader", "EngineFolder", "SharedBook", "book_size", "running_engines"]
