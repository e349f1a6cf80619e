"""The port: connections, websockets and their ends."""
