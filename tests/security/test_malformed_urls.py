"""A vendor's answer has anything in place of a URL: always the vendor's error (exit 4), never a traceback."""

import json
from typing import Any

import pytest
from evaluating import usual
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conn_engine.auth.secret_request import SecretRequest, send_secret_request
from conn_engine.config import Workspace, load_workspace
from conn_engine.documents import dump_yaml
from conn_engine.errors import ConnError, MissingRecording, TransportError, VendorError
from conn_engine.runtime.call import Call, Run, Session
from conn_engine.runtime.drive import drive
from conn_engine.runtime.operation import perform
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport import gateway
from conn_engine.transport.faults import Faults
from conn_engine.transport.redirects import HopResponse, follow_redirects
from conn_engine.urls import join_url, split_plain_url
from conn_engine.wire import FrozenClock, Headers, Request, Response

MALFORMED = [
    "http://[x", "http://[::1", "http://::1]/", "//[", "https://[v1.x]/", "http://", "http:///x", "http://x:port/",
    "http://x:99999/", "http://x:-1/", "http://a..b/", "http://-a/", "https://b\u00fccher.example/", "https://%5b/",
    "https://exa mple.com/", "https://\u2100.example/", "https://a\uff0fb.example/", "https://u:p@h.example/", "https://@/",
    "http://a\\@b/", "ftp://h.example/", "javascript:1", "data:,x", "https://h.example:443:443/",
    "http://[fe80::1%25eth0]/", "http://h.example\x00/",
]  # fmt: skip
PIECES = [
    "http", "https", "ftp", ":", "/", "//", "[", "]", "@", "?", "#", "%", "\\", ".", "..", "x", "h.example", "::1",
    "99999", "\u00e9", "\u2100", "\uff0f", "\x00", "\n", " ", "{{x}}", "%5b", "-",
]  # fmt: skip
ANYTHING = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)

GET = {"method": "get", "path": "/things", "response_path": "items"}
JOB = {"method": "post", "path": "/jobs", "writes": False}
POLL = {"status": "body.state", "done": ["done"], "every_seconds": 0.01}
PLACES: dict[str, Any] = {
    "body": {**GET, "pagination": {"format": "next_url", "config": {"next_url_field": "url"}}},
    "below": {
        **GET,
        "pagination": {"format": "next_url", "config": {"next_url_field": "url", "relative_to": "base_url"}},
    },
    "header": {**GET, "pagination": {"format": "next_url", "config": {"next_url_from_header": "location"}}},
    "link": {**GET, "pagination": {"format": "link_header"}},
    "cursor": {
        **GET,
        "pagination": {
            "format": "cursor",
            "config": {"cursor_field": "url", "cursor_param": "after", "cursor_from_url": "after"},
        },
    },
    "dynamic": {
        **GET,
        "pagination": {"format": "dynamic", "config": {"next": "body.url", "send": "state ? {'url': state}"}},
    },
    "status": {
        **JOB,
        "job": {"poll": {**POLL, "url": "{{job.created.headers.location}}"}, "download": {"path": "/result"}},
    },
    "result": {**JOB, "job": {"download": {"url": "job.created.body.url"}}},
    "results": {**JOB, "job": {"download": {"url": "[job.created.body.url, job.created.body.url]"}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("vendor")
    connector = {"base_url": "https://api.vendor.example/v1", "resources": {"things": PLACES}}
    for name, data in {
        "conn.yaml": {"version": 1},
        "connectors/demo/connector.yaml": connector,
        "accounts/acme.yaml": {"connector": "demo"},
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dump_yaml(data), encoding="utf-8")
    return load_workspace(folder)


def answer_with(url: str) -> Response:
    """One that has the URL everywhere."""
    headers = {"content-type": "application/json", "location": url.replace("\n", ""), "link": f'<{url}>; rel="next"'}
    data = {"id": "1", "state": "running", "url": url, "items": [{"id": "1"}]}
    return Response(200, Headers(headers), json.dumps(data).encode(), "https://api.vendor.example/v1/things")


def error_of(workspace: Workspace, place: str, url: str) -> ConnError | None:
    """What the caller gets, of three answers."""
    clock = FrozenClock()
    effective = workspace.effective(account="acme")
    flow = perform(Run(effective, Session("acme", {}, clock=clock)), effective.resolve(f"things.{place}"), Call())
    try:
        for _ in drive(flow, Faults([answer_with(url)] * 3), MemoryVault({}), clock=clock):
            pass
    except ConnError as error:
        return error
    return None


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("below", "cursor")])
@pytest.mark.parametrize("url", MALFORMED)
def test_it_is_the_vendors_error(workspace: Workspace, place: str, url: str) -> None:
    error = error_of(workspace, place, url)
    assert isinstance(error, VendorError), error
    assert error.exit_code == 4


@given(st.sampled_from(list(PLACES)), ANYTHING)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_it_is(workspace: Workspace, place: str, url: str) -> None:
    error = error_of(workspace, place, url)
    followed = error is None or isinstance(error, MissingRecording)  # it was a URL, or the end
    assert followed or error.exit_code == 4 or "internal address" in error.message, error


def redirected(url: str, request: Request) -> TransportError | str:
    """Where the hop after such a redirect goes, or the error."""
    course = follow_redirects(request, Redactor(), 5)
    next(course)
    try:
        return course.send(HopResponse(307, Headers({"location": url}), b"", "")).target.scheme
    except TransportError as error:
        return error
    except StopIteration:  # without a Location it is not a redirect
        return "https"


PURPOSES = [
    Request("GET", "https://api.vendor.example/a"),
    Request("POST", "https://api.vendor.example/t", purpose="token"),
]


@pytest.mark.parametrize("request_", PURPOSES)
@pytest.mark.parametrize("url", [url for url in MALFORMED if "\0" not in url])
def test_a_redirect_there_is_the_vendors_error(url: str, request_: Request) -> None:
    error = redirected(url, request_)
    assert isinstance(error, TransportError)
    assert (error.exit_code, error.retryable) == (4, False)


@given(ANYTHING)
@example("http://[x")
def test_a_redirect_to_whatever_it_is(url: str) -> None:
    found = redirected(url, PURPOSES[0])
    assert found == "https" or (isinstance(found, TransportError) and found.exit_code == 4)


@pytest.mark.parametrize("url", MALFORMED)
def test_a_token_endpoint_that_an_answer_names(url: str) -> None:
    names = usual({"before": {"found": {"token_endpoint": url}}})
    told = SecretRequest(url="{{before.found.token_endpoint}}")
    with pytest.raises(VendorError) as caught:
        next(send_secret_request(told, names, ("*",), FrozenClock(), Redactor()))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("url", MALFORMED)
def test_a_base_url_that_a_log_in_found(workspace: Workspace, url: str) -> None:
    connector = {
        "base_url": "{{context.instance_url}}",
        "hosts": ["*.vendor.example"],
        "resources": {"things": {"list": GET}},
    }
    (workspace.root / "connectors/named").mkdir(exist_ok=True)
    (workspace.root / "connectors/named/connector.yaml").write_text(dump_yaml(connector), encoding="utf-8")
    effective = load_workspace(workspace.root).effective(account=None, connector="named")
    effective.learn({"instance_url": url})
    flow = perform(Run(effective, Session()), effective.resolve("things.list"), Call())
    with pytest.raises(VendorError, match='"instance_url"') as caught:
        next(flow)
    assert caught.value.exit_code == 4


@pytest.mark.slow
@given(ANYTHING | st.text(max_size=30), ANYTHING | st.text(max_size=30))
@example("http://[x", "//[")
def test_nothing_is_raised_for_any_text(base: str, link: str) -> None:
    for text in (base, link, join_url(base, link)):
        parts = split_plain_url(text)
        assert (parts.scheme, parts.hostname, parts.username) is not None
        gateway.is_target(text)
