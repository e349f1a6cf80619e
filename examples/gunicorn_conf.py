"""Start an engine in each worker after the fork: gunicorn --config gunicorn_conf.py gunicorn_app:application."""

from typing import Any

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
preload_app = True


def post_fork(server: Any, worker: Any) -> None:
    """Follow books in the new worker: threads live only in the process that started them."""
    import gunicorn_app  # noqa: PLC0415 - the application is not loaded yet when gunicorn reads its settings

    gunicorn_app.follow("BTCUSDT", "ETHUSDT")
    server.log.info("worker %s follows %s", worker.pid, ", ".join(gunicorn_app.books))


def worker_exit(server: Any, worker: Any) -> None:
    """End the engine's threads with the worker."""
    import gunicorn_app  # noqa: PLC0415 - see above

    gunicorn_app.engine.stop()
    server.log.info("worker %s has stopped its engine", worker.pid)
