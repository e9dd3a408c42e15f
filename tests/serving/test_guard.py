"""Who may use the server."""

import socket

import pytest
from starlette.datastructures import Headers

from fullconv.serving.guard import Rules, without_port
from fullconv.serving.place import Place
from fullconv.serving.refusal import Refusal

LOCAL = Place("127.0.0.1", 8000).names()


def check(rules, method="POST", path="/predict", **headers):
    """Returns the status of the refusal, or None."""
    try:
        rules.check(method, path, Headers({"host": "localhost:8000", **headers}))
    except Refusal as refusal:
        return refusal.status
    return None


def test_an_unknown_host_name_is_refused():
    assert check(Rules(LOCAL), host="evil.example") == 403
    assert check(Rules(LOCAL), host="127.0.0.1:8000") is None
    assert check(Rules(LOCAL), host="[::1]:8000") is None
    assert check(Rules(), host="anything.example") is None


def test_health_and_metrics_answer_to_any_host():
    for path in ("/metrics", "/v2/health/live", "/v2/health/ready"):
        assert check(Rules(LOCAL), "GET", path, host="10.1.2.3:8000") is None
    for path in ("/", "/models", "/v2", "/metrics/", "/openapi.json"):
        assert check(Rules(LOCAL), "GET", path, host="10.1.2.3:8000") == 403


def test_pages_of_other_websites_are_refused():
    assert check(Rules(LOCAL), origin="https://evil.example") == 403
    assert check(Rules(LOCAL), origin="null") == 403
    assert check(Rules(LOCAL), origin="http://localhost:8000") is None
    assert check(Rules(LOCAL, ("https://good.example",)), origin="https://good.example") is None


def test_everything_but_page_health_and_metrics_requires_the_token():
    rules = Rules(token="secret", page=("/page.js",))
    assert check(rules) == 401
    assert check(rules, authorization="Bearer wrong") == 401
    assert check(rules, authorization="Basic secret") == 401
    assert check(rules, authorization="Bearer secret") is None
    for path in ("/", "/page.js", "/metrics", "/v2/health/ready"):
        assert check(rules, "GET", path) is None
    assert check(rules, "GET", "/models") == 401


def test_other_machines_require_a_token_or_open():
    with pytest.raises(Exception, match="add --token TOKEN, or --open"):
        Place("0.0.0.0", 8000).check()
    Place("0.0.0.0", 8000, token="x").check()
    Place("0.0.0.0", 8000, open=True).check()
    Place("::1", 8000).check()


def test_the_socket_makes_asyncio_send_without_delay():
    """It checks the protocol number of the listening socket, which accepted connections inherit."""
    with Place("127.0.0.1", 0).bind() as listening:
        assert listening.proto == socket.IPPROTO_TCP
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_a_port_in_use_gives_a_one_line_error():
    with Place("127.0.0.1", 0).bind() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Exception, match=f"--port {port}: Address already in use; choose another"):
            Place("127.0.0.1", port).bind()


def test_the_port_of_a_host_is_removed():
    assert [without_port(h) for h in ("a:80", "A", "[::1]:8", "[::1]")] == ["a", "a", "[::1]", "[::1]"]
