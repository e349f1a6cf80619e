"""The shells around the network: one websocket connection, one REST session."""
