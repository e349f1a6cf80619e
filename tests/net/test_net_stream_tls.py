"""The same over TLS, as the exchange speaks it: verified, and still read in bulk."""

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from websockets.sync.server import serve

from depthactors.markets import SPOT
from tests.net.net_support import Client, Relay, rest_client

FRAMES = [b'{"n":%d}' % number for number in range(300)]


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def server(authority):
    """Sends all frames, each in a TLS record of its own, once the client has said that it is busy."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    sent = threading.Event()

    def burst(connection):
        connection.recv(timeout=10)
        for frame in FRAMES:
            connection.send(frame.decode())
        sent.set()
        for _ in connection:
            pass

    with serve(burst, "127.0.0.1", 0, ssl=context, ping_interval=None) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"wss://127.0.0.1:{running.socket.getsockname()[1]}", sent
        running.shutdown()
        thread.join(10)


def trust(authority, monkeypatch, folder):
    trusted = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(trusted))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))


def test_records_that_arrived_together_are_handed_over_together(server, authority, monkeypatch, tmp_path):
    trust(authority, monkeypatch, tmp_path)
    url, sent = server
    batches, complete = [], threading.Event()

    def on_frames(frames):
        batches.append(frames)
        if len(batches) == 1:
            # Busy with the first until the others have arrived.
            assert sent.wait(10)
        if sum(map(len, batches)) == len(FRAMES):
            complete.set()

    client = Client(url, on_frames=on_frames)
    client.connection.start()
    assert client.opened.wait(10)
    client.connection.send(b"busy")
    assert complete.wait(10)
    assert [frame for batch in batches for frame in batch] == FRAMES
    assert len(batches) < len(FRAMES) / 10
    client.connection.abort()
    assert "closed by this side" in client.end()


def test_a_certificate_of_nobody_known_is_refused(server):
    client = Client(server[0])
    client.connection.start()
    assert "CERTIFICATE_VERIFY_FAILED" in client.end()
    assert not client.opened.is_set()


def test_a_certificate_for_another_name_is_refused(server, authority, monkeypatch, tmp_path):
    trust(authority, monkeypatch, tmp_path)
    client = Client(server[0].replace("127.0.0.1", "localhost"))
    client.connection.start()
    assert "CERTIFICATE_VERIFY_FAILED" in client.end()
    assert not client.opened.is_set()


def test_a_directory_of_authorities(server, authority, monkeypatch, tmp_path):
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(tmp_path))
    client = Client(server[0])
    client.connection.start()
    assert "CERTIFICATE_VERIFY_FAILED" in client.end(), "it is empty"


def test_tls_through_a_proxy_is_with_the_exchange_itself(server, authority, monkeypatch, tmp_path):
    trust(authority, monkeypatch, tmp_path)
    port = int(server[0].rsplit(":", 1)[1])
    with contextlib.closing(Relay(("127.0.0.1", port))) as relay:
        client = Client(server[0], proxy=relay.address)
        client.connection.start()
        assert client.opened.wait(10)
        assert relay.asked.get(timeout=10) == f"CONNECT 127.0.0.1:{port} HTTP/1.1"
        client.connection.send(b"busy")
        assert client.frames(len(FRAMES)) == FRAMES
        client.connection.abort()
        client.end()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"lastUpdateId":7,"bids":[["10.50","1"]],"asks":[["11.00","2"]]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def https(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield httpd.server_port
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_rest_over_tls(https, authority, monkeypatch, tmp_path, way):
    trust(authority, monkeypatch, tmp_path)
    with contextlib.closing(Relay(("127.0.0.1", https))) as relay:
        with contextlib.closing(rest_client(proxy=relay.address if way == "proxy" else None)) as client:
            for _ in range(2):
                reply = client.fetch_depth(SPOT.at(f"https://127.0.0.1:{https}"), "BTCUSDT", 5)
                assert getattr(reply.result, "last_update_id", reply.result) == 7
        assert relay.asked.qsize() == (way == "proxy")


def test_rest_refuses_a_certificate_of_nobody_known(https):
    with contextlib.closing(rest_client()) as client:
        error = client.fetch_depth(SPOT.at(f"https://127.0.0.1:{https}"), "BTCUSDT", 5).result
        assert "CERTIFICATE_VERIFY_FAILED" in str(error)
