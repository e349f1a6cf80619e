"""The replies to REST requests."""
