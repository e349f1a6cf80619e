import pytest

from depthactors.serve.access import Access, is_loopback
from tests.support import table

TOKEN = "s3cret"


@pytest.fixture
def access():
    return Access(["Books.example"], TOKEN)


@table(
    "host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:80", "[::1]", "books.example:443", "books.EXAMPLE"]
)
def test_names_of_this_server_are_taken(host):
    assert Access(["Books.example"]).refusal({"Host": host}) is None


@table("host", ["", "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example:80", "::1"])
def test_another_name_is_refused(host):
    """A site whose name leads to 127.0.0.1 sends its own name."""
    status, words = Access(["books.example"]).refusal({"Host": host})
    assert (status, words) == (421, f"expected a name of this server as Host, was {host!r}")


@table("origin", ["http://evil.example", "null", "", "http://127.0.0.1", "http://localhost:8080"])
def test_a_page_of_another_site_is_refused(origin):
    status, words = Access().refusal({"Host": "127.0.0.1:8080", "Origin": origin})
    assert (status, words) == (403, f"expected a page of this server, was one of {origin!r}")


@table("origin", ["http://127.0.0.1:8080", "https://127.0.0.1:8080"])
def test_a_page_of_this_server_is_taken(origin):
    assert Access().refusal({"Host": "127.0.0.1:8080", "Origin": origin}) is None


@table(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"bearer  {TOKEN} "},
        {"Sec-WebSocket-Protocol": f"depthactors, depthactors.token.{TOKEN}"},
    ],
)
def test_who_knows_the_token_is_taken(access, headers):
    assert access.refusal({"Host": "localhost"} | headers) is None


@table(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer s3cré"},
        {"Sec-WebSocket-Protocol": "depthactors"},
        {"Sec-WebSocket-Protocol": f"depthactors, {TOKEN}"},
    ],
)
def test_who_does_not_know_the_token_is_refused_without_hearing_it(access, headers):
    status, words = access.refusal({"Host": "localhost"} | headers)
    assert status == 401
    assert TOKEN not in words


@table(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.0.7", False),
        ("localhost.example", False),
    ],
)
def test_addresses_of_this_machine_alone(host, alone):
    assert is_loopback(host) is alone
