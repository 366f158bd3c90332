"""The one vendor that tests start: each form of an answer, and faults in an answer, which reach the test."""

from pathlib import Path

import httpx
import pytest
from vendor import Arrived, start_vendor

TESTS = Path(__file__).parent
OWN_SERVERS = {
    "vendor.py",
    "servers/differential/peer/service.py",  # runs in an environment of its own, without these tests
}


@pytest.mark.parametrize(
    ("reply", "status", "kind", "content"),
    [
        ({"a": 1}, 200, "application/json", b'{"a": 1}'),
        ([], 200, "application/json", b"[]"),
        ("text", 200, "application/json", b"text"),
        (b"raw", 200, None, b"raw"),
        (None, 200, None, b""),
        ((404, {"a": 1}), 404, "application/json", b'{"a": 1}'),
        ((200, {"Content-Type": "text/csv"}, "a\n"), 200, "text/csv", b"a\n"),
        ((204, None), 204, None, b""),
    ],
)
def test_each_form_of_an_answer(reply: object, status: int, kind: str | None, content: bytes) -> None:
    with start_vendor(lambda arrived: reply) as vendor:
        response = httpx.get(vendor.url)
    assert (response.status_code, response.headers.get("content-type"), response.content) == (status, kind, content)


def test_what_arrives_is_kept_and_routes_answer_by_path() -> None:
    with start_vendor() as vendor:
        vendor.routes["/a"] = lambda arrived: {"asked": arrived.query}
        assert httpx.post(f"{vendor.url}/a?q=%C3%A9&r=", json={"b": 2}).json() == {"asked": {"q": "é", "r": ""}}
        assert httpx.get(f"{vendor.url}/b").status_code == 404
    first = vendor.arrived[0]
    assert (first.method, first.target, first.path, first.data) == ("POST", "/a?q=%C3%A9&r=", "/a", {"b": 2})
    assert (first.decoded, first.headers["host"], len(vendor.arrived)) == ("/a?q=é&r=", vendor.host, 2)


def test_a_fault_in_an_answer_reaches_the_test() -> None:
    def answer(arrived: Arrived) -> object:
        return {}["missing"]

    with (
        pytest.raises(KeyError, match="missing"),
        start_vendor(answer) as vendor,
        pytest.raises(httpx.TransportError),
    ):
        httpx.get(vendor.url)


def test_no_other_test_has_an_http_server_of_its_own() -> None:
    own = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("*.py")
        if "BaseHTTPRequest" + "Handler" in path.read_text(encoding="utf-8")
    }
    assert own == OWN_SERVERS
