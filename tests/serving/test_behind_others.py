"""The server behind nginx as docs/serving.md sets it up, and in a container that others ask by its address."""

import re
from http.client import HTTPConnection

import pytest

from tests.conftest import EXAMPLES
from tests.serving.running import running

PAGE = (EXAMPLES.parent / "docs" / "serving.md").read_text()
NAME = re.search(r"fullconv serve --allow-host (\S+)", PAGE)[1]
(HOST,) = re.findall(r"proxy_pass .*proxy_set_header Host (\S+);", PAGE)


@pytest.fixture(scope="module")
def server():
    """In a container it listens on all addresses; its names are those behind a proxy."""
    with running("--host", "0.0.0.0", "--open", "--allow-host", NAME) as one:
        yield one


def through_nginx(server, method, path, body=None, origin=f"https://{NAME}"):
    """Sends what nginx sends for a browser at https://NAME: the browser's Origin, and the documented Host."""
    headers = {"Host": HOST.replace("$host", NAME), "Origin": origin, "Connection": "close"}
    link = HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request(method, path, body, headers)
    with link.getresponse() as reply:
        return reply.status


def test_the_page_works_through_the_documented_proxy(server, cat):
    assert through_nginx(server, "GET", "/") == 200
    assert through_nginx(server, "POST", "/predict", cat) == 200
    assert through_nginx(server, "POST", "/predict", cat, "https://evil.example") == 403


@pytest.mark.parametrize("path", ["/metrics", "/v2/health/live", "/v2/health/ready"])
def test_health_and_metrics_answer_at_the_address_of_the_container(server, path):
    assert server.ask(path, headers={"Host": f"127.0.0.1:{server.port}"}).status == 200
    assert server.ask(path, headers={"Host": "10.1.2.3:8000"}).status == 200


def test_refused_hosts_and_origins_are_counted(server, cat):
    before = {reason: counted(server, reason) for reason in ("host", "origin")}
    assert server.ask("/models").status == 403
    assert through_nginx(server, "POST", "/predict", cat, "https://evil.example") == 403
    assert {reason: counted(server, reason) - before[reason] for reason in before} == {"host": 1, "origin": 1}


def counted(server, reason):
    text = server.ask("/metrics").body.decode()
    found = re.search(rf'^fullconv_refusals_total{{reason="{reason}"}} (\S+)', text, re.MULTILINE)
    return float(found[1]) if found else 0
