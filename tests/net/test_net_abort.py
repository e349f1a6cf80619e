"""A request that waits for its answer ends when another thread says so."""

import socket
import threading
from contextlib import closing

import pytest
import requests

from depthactors.net.abort import AbortableAdapter


@pytest.fixture
def mute():
    """A server that accepts, reads and never answers; set when it has a request."""
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.recv(4096)
                asked.set()
                sock.recv(4096)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", asked
        thread.join(5)
        assert not thread.is_alive()


def test_a_request_that_waits_fails_at_once_and_so_does_any_after_it(mute):
    url, asked = mute
    adapter, failures = AbortableAdapter(), []
    with closing(requests.Session()) as session:
        session.mount("http://", adapter)

        def fetch():
            try:
                session.get(url, timeout=30)
            except requests.RequestException as error:
                failures.append(error)

        thread = threading.Thread(target=fetch, daemon=True)
        thread.start()
        assert asked.wait(5)
        adapter.abort()
        thread.join(2)
        assert not thread.is_alive()
        assert [type(error) for error in failures] == [requests.ConnectionError]
        with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=30)
