"""The environment's certificates reach REST and streams alike."""

import contextlib
import socket
import ssl
import threading

import pytest
import trustme

from depthactors.markets import SPOT
from depthactors.net.certificates import BUNDLES, trusting_context
from tests.net.net_support import PATIENCE, Client, Peer, rest_client


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def bundle(authority, tmp_path):
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    for name in (*BUNDLES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


class Secure(Peer):
    """Takes one connection, shakes hands, and says goodbye."""

    def __init__(self, authority):
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self.accept()
        with contextlib.suppress(OSError), self._context.wrap_socket(self.socket, server_side=True) as secured:
            secured.settimeout(PATIENCE)
            secured.recv(4096)
            secured.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    def close(self):
        # Whoever cannot tell whom to trust may not even have connected.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.listener.close()
        self.socket.close()


def stream_words(authority):
    with contextlib.closing(Secure(authority)) as peer:
        client = Client(f"wss://127.0.0.1:{peer.port}/")
        client.connection.start()
        return client.end()


def rest_words(authority):
    with contextlib.closing(Secure(authority)) as peer, contextlib.closing(rest_client()) as rest:
        return str(rest.fetch_depth(SPOT.at(f"https://127.0.0.1:{peer.port}"), "BTCUSDT", 5).result)


@pytest.mark.parametrize("words", [stream_words, rest_words])
@pytest.mark.parametrize("name", [*BUNDLES, "SSL_CERT_FILE"])
def test_a_bundle_that_is_named_is_trusted(authority, bundle, monkeypatch, name, words):
    monkeypatch.setenv(name, str(bundle))
    assert "answered 404" in words(authority)


@pytest.mark.parametrize("words", [stream_words, rest_words])
def test_without_one_strangers_are_not(authority, words):
    assert "CERTIFICATE_VERIFY_FAILED" in words(authority)


@pytest.mark.parametrize("words", [stream_words, rest_words])
@pytest.mark.parametrize("name", [*BUNDLES, "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_one_that_is_not_there_is_named(authority, tmp_path, monkeypatch, name, words):
    monkeypatch.setenv(name, str(tmp_path / "nothing"))
    assert f"expected {name} to name certificates" in words(authority)


def test_a_bundle_is_trusted_alone(bundle, monkeypatch):
    assert len(trusting_context().get_ca_certs()) > 50
    for name in BUNDLES:
        monkeypatch.setenv(name, str(bundle))
        assert len(trusting_context().get_ca_certs()) == 1
        monkeypatch.delenv(name)


def test_it_always_verifies():
    context = trusting_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
