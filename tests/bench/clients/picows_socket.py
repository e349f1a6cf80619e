"""picows: a websocket client in C, with `orjson.loads` of each frame and nothing else: the socket's ceiling."""

import asyncio
import json
import os
import sys
import threading

import orjson
from meter import Meter
from picows import WSListener, WSMsgType, ws_connect

STREAMS_A_REQUEST = 200


async def follow(port, symbols, meter):
    class Listener(WSListener):
        def on_ws_frame(self, _transport, frame):
            if frame.msg_type == WSMsgType.TEXT:
                event = orjson.loads(frame.get_payload_as_memoryview()).get("data")
                if event is not None:
                    meter.saw(event["s"], event["E"])

    transport, _ = await ws_connect(Listener, f"ws://127.0.0.1:{port}/stream")
    for place in range(0, len(symbols), STREAMS_A_REQUEST):
        streams = [f"{symbol.lower()}@depth@100ms" for symbol in symbols[place : place + STREAMS_A_REQUEST]]
        request = {"method": "SUBSCRIBE", "params": streams, "id": place}
        transport.send(WSMsgType.TEXT, json.dumps(request).encode())
    await transport.wait_disconnected()


def main(port, *symbols):
    meter = Meter(symbols)
    threading.Thread(target=lambda: asyncio.run(follow(port, symbols, meter)), daemon=True).start()
    meter.run()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
