"""The network: one websocket connection, one REST client, and how each of them reaches its host."""
