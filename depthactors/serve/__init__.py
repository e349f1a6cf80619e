"""Books over the network: a snapshot, then numbered deltas, the state with each message (extra `serve`).

    with DepthEngine() as engine:
        engine.subscribe("BTCUSDT", depth=100)
        with BookServer(engine, port=8080):
            ...

and elsewhere

    with RemoteReader("http://127.0.0.1:8080") as reader:
        print(reader.wait_live("BTCUSDT"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from depthactors.on_demand import on_demand

if TYPE_CHECKING:
    from depthactors.serve.remote_reader import RemoteReader
    from depthactors.serve.server import BookServer

__all__ = ["BookServer", "RemoteReader"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = on_demand(
        __name__,
        {"BookServer": "server", "RemoteReader": "remote_reader"},
        extra="serve",
        needs={"BookServer": ["websockets"], "RemoteReader": ["websockets"]},
    )
