"""A worker in a thread, with an exchange's market and a folder for slots."""

from tests.shards.conftest import folder, market, worker

__all__ = ["folder", "market", "worker"]
