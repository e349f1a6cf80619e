"""The same over TLS, as the exchange speaks it: verified, and still read in bulk."""

import ssl
import threading

import pytest
import trustme
from net_support import Client
from websockets.sync.server import serve

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


def test_records_that_arrived_together_are_handed_over_together(server, authority, monkeypatch, tmp_path):
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(trusted))
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
    client.connection.close()
    assert "closed by this side" in client.end()


def test_a_certificate_of_nobody_known_is_refused(server):
    client = Client(server[0])
    client.connection.start()
    assert "CERTIFICATE_VERIFY_FAILED" in client.end()
    assert not client.opened.is_set()
