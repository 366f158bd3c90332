"""A recording from sample responses: the requests are planned, the pages follow the samples, and nothing is sent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.errors import ConfigurationError, UsageError, VendorError
from conn_engine.runtime.call import Call
from conn_engine.secrets import Redactor
from conn_engine.testing.cases import find_cases, replay
from conn_engine.testing.recorder import Recorded
from conn_engine.testing.samples import SampleResponse, read_sample, record_samples
from conn_engine.wire import FrozenClock, Headers

CONNECTOR = """\
base_url: https://{{context.shop}}.example.com/v1
hosts: ["*.example.com"]
fields: [{ name: shop }, { name: extra, required: false }]
credentials: { format: oauth2_client_credentials, token_url: https://login.example.com/token }
pagination: { format: cursor, cursor_field: next, cursor_param: after }
resources:
  people:
    list:
      path: /people
      query: { extra: "{{$exists(context.extra) ? context.extra : null}}" }
      response_path: payload.people
    get: { method: get, path: "/people/{{id}}" }
    export: { method: get, path: /export, response_format: csv, pagination: { format: none } }
    rows: { method: get, path: /rows, response_format: jsonl, pagination: { format: none } }
    tree: { method: get, path: /tree, response_format: xml, response_path: people.person, pagination: { format: none } }
    paged: { path: /paged, method: get, pagination: { format: page, size: 2, size_param: n } }
    linked: { method: get, path: /linked, pagination: { format: link_header } }
    detailed:
      { method: get, path: /detailed, response_path: payload.people,
        enrich: [{ name: more, request: { path: "/people/{{record.id}}" } }] }
"""
UNIFIED = "resources: {contacts: {list: {resource: people, response_mapping: {id: $string(response.id)}}}}\n"
ACCOUNT = "connector: shop\ncontext: {shop: acme, extra: wide}\n"
NOW = 1_767_000_000.5


def page(*ids: int, then: str | None = None) -> bytes:
    return json.dumps({"payload": {"people": [{"id": number} for number in ids]}, "next": then}).encode()


@pytest.fixture
def shop(make: Callable[..., Workspace]) -> Workspace:
    return make(
        {
            "connectors/shop/connector.yaml": CONNECTOR,
            "connectors/shop/unified/crm.yaml": UNIFIED,
            "accounts/acme.yaml": ACCOUNT,
        }
    )


def recorded(
    workspace: Workspace, operation: str, *samples: SampleResponse | bytes, account: str | None = None, **options: Any
) -> tuple[Recorded, Path]:
    effective = workspace.effective(account=account, connector="shop")
    name = effective.resolve(operation, raw=True) if operation.startswith("people") else effective.resolve(operation)
    path = workspace.root / f"connectors/shop/recordings/{name.text}.json"
    files = [
        sample if isinstance(sample, SampleResponse) else read_sample(sample, f"{number}.json")
        for number, sample in enumerate(samples, 1)
    ]
    call = options.pop("call", Call())
    done = record_samples(effective, name, call, files, path, clock=FrozenClock(NOW), redactor=Redactor(), **options)
    return done, path


def replayed(workspace: Workspace, account: str | None = "acme") -> Any:
    effective = workspace.effective(account=account, connector="shop")
    [case] = find_cases(workspace, effective, effective.operations())
    return replay(effective, case.name, case.recording)


def requests_of(path: Path) -> list[str]:
    rows = [exchange["request"] for exchange in json.loads(path.read_text())["exchanges"]]
    return [row["url"] + "".join(f" {name}={value}" for name, value in row.get("query", {}).items()) for row in rows]


def test_the_pages_follow_the_cursors_in_the_bodies(shop: Workspace) -> None:
    done, path = recorded(shop, "contacts.list", page(1, then="b/2"), page(2))
    assert (done.exchanges, done.records, done.error, done.difference) == (2, 2, None, "")
    base = "https://example.example.com/v1/people"
    assert requests_of(path) == [base, f"{base} after=b/2"]
    data = json.loads(path.read_text())
    assert (data["source"], data["recorded_at"], data["scenario"]) == ("sample", "2025-12-29T09:20:00Z", "default")
    assert data["note"] == "Made from sample responses (1.json, 2.json), not recorded live."
    assert [row["id"] for row in replayed(shop).records] == ["1", "2"]


def test_no_account_has_other_values_in_the_replay(shop: Workspace) -> None:
    _, path = recorded(shop, "contacts.list", page(1))
    assert json.loads(path.read_text())["context"] == {"shop": "example", "extra": None}
    assert replayed(shop).error is None
    _, path = recorded(shop, "contacts.list", page(1), account="acme", placing={"overwrite": True})
    assert json.loads(path.read_text())["context"] == {"shop": "acme", "extra": "wide"}
    assert requests_of(path) == ["https://acme.example.com/v1/people extra=wide"]
    assert replayed(shop, None).error is None


def test_the_recording_ends_before_a_page_without_a_sample(shop: Workspace) -> None:
    done, path = recorded(shop, "people.list", page(1, then="2"))
    assert done.completeness is not None
    assert (done.completeness.state, done.completeness.reason) == (
        "stopped",
        "another page follows; add its body with --page FILE",
    )
    assert json.loads(path.read_text())["call"] == {"pages": 1}
    assert (replayed(shop).error, replayed(shop).unused) == (None, 0)


@pytest.mark.parametrize(
    ("operation", "samples", "message"),
    [
        ("people.list", [page(1), page(2)], '(2.json): in 1.json, `cursor_field` "next" is null'),
        ("people.list", [b'{"payload": {"people": [{"id": 1}]}}', page(2)], '`cursor_field` "next" is in no response'),
        ("people.list", [page(1, then="2"), page(2, then="2"), page(3)], "names a next page that was there before"),
        ("people.paged", [b"[]", b"[]"], "1.json has 0 records, which ends the listing (pagination: page)"),
        ("people.paged", [b"[1, 2]", b"[3]", b"[]"], "2.json has 1 record, which ends the listing (pagination: page)"),
        ("people.export", [b"id\n1", b"id\n2"], "it sends 1 request"),
        ("people.get", [b'{"id": 1}', b"{}"], "it sends 1 request"),
        ("people.list", [read_sample(b"HTTP/1.1 404 \n\n{}", "1.json"), page(2)], "the operation ends with: 404"),
    ],
)
def test_a_page_that_nothing_asks_for_is_an_error(
    shop: Workspace, operation: str, samples: list[Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        recorded(shop, operation, *samples, call=Call(id="1"))
    assert f"does not ask for page {len(samples)} ({len(samples)}.json)" in caught.value.message
    assert message in caught.value.message
    assert not (shop.root / "connectors/shop/recordings").exists()


def test_a_body_without_the_response_path_is_an_error(shop: Workspace) -> None:
    with pytest.raises(ConfigurationError) as caught:
        recorded(shop, "people.list", b'{"payload": {"persons": []}}')
    assert 'response_path "payload.people" matches nothing in the response' in caught.value.message
    assert caught.value.hint == 'did you mean "payload.persons", the only list in the response?'
    assert not (shop.root / "connectors/shop/recordings").exists()


def test_a_body_in_another_format_is_an_error(shop: Workspace) -> None:
    with pytest.raises(VendorError, match="an HTML page instead of JSON"):
        recorded(shop, "people.list", b"<html>Please log in</html>")
    assert not (shop.root / "connectors/shop/recordings").exists()


def test_an_existing_recording_stays(shop: Workspace) -> None:
    _, path = recorded(shop, "people.list", page(1))
    before = path.read_bytes()
    with pytest.raises(UsageError):
        recorded(shop, "people.list", page(2), placing={"overwrite": False})
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("operation", "body", "kind", "content"),
    [
        ("people.export", b"id,name\n1,Ada\n2,Bob\n", "text/csv", {"text": "id,name\n1,Ada\n2,Bob\n"}),
        ("people.rows", b'{"id": "1"}\n{"id": "2"}\n', "application/x-ndjson", {"text": '{"id": "1"}\n{"id": "2"}\n'}),
        (
            "people.tree",
            b"<people><person><id>1</id></person><person><id>2</id></person></people>",
            "application/xml",
            {"text": "<people><person><id>1</id></person><person><id>2</id></person></people>"},
        ),
    ],
)
def test_the_format_of_the_operation_decides(
    shop: Workspace, operation: str, body: bytes, kind: str, content: dict[str, Any]
) -> None:
    done, path = recorded(shop, operation, body)
    response = json.loads(path.read_text())["exchanges"][0]["response"]
    assert response == {"status": 200, "headers": {"content-type": kind}, **content}
    assert (done.records, done.difference) == (2, "")
    assert [row["id"] for row in replayed(shop).records] == ["1", "2"]


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (401, 2), (503, 3)])
def test_an_error_is_recorded_as_often_as_it_would_be_sent(shop: Workspace, status: int, requests: int) -> None:
    sample = SampleResponse("no.json", b'{"message": "nobody"}', status)
    done, path = recorded(shop, "people.get", sample, call=Call(id="7"))
    assert (done.exchanges, len(requests_of(path)), done.difference) == (requests, requests, "")
    assert replayed(shop).failure == replayed(shop, None).failure != ""
    assert done.error is not None and done.error.hint == ""


def test_the_output_of_curl_has_status_and_headers(shop: Workspace) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nlocation: /x\r\n\r\n"
    first = redirect + b'HTTP/2 200 \r\nLink: </v1/linked?page=2>; rel="next"\r\n\r\n[{"id": 1}]'
    done, path = recorded(shop, "people.linked", first, b"[]")
    assert (done.exchanges, done.records) == (2, 1)
    assert requests_of(path)[1] == "https://example.example.com/v1/linked page=2"
    assert read_sample(b"HTTP/1.1 429 Slow\nRetry-After: 7\nSet-Cookie: a=b\n\n\n", "x") == SampleResponse(
        "x", b"\n", 429, Headers([("Retry-After", "7"), ("Set-Cookie", "a=b")])
    )
    table = read_sample(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nid\r\n1\r\n\r\n", "x")
    assert (table.body, dict(table.headers)) == (b"id\r\n1\r\n\r\n", {})
    assert read_sample(b"HTTP/2 204", "x") == SampleResponse("x", b"", 204)


@pytest.mark.parametrize(
    "head", ["HTTP/oops", "HTTP/1.1 OK", "HTTP/1.1 \u0662\u0660\u0660", "HTTP/1.1 2000", "HTTP/1.1 99"]
)
def test_the_head_of_a_response_without_a_status_is_an_error(head: str) -> None:
    with pytest.raises(UsageError, match="which has no status"):
        read_sample(f"{head}\n\n{{}}".encode(), "x")


def test_each_request_of_a_page_takes_a_sample(shop: Workspace) -> None:
    done, path = recorded(shop, "people.detailed", page(1, then="2"), b'{"age": 3}')
    assert (done.exchanges, done.records, json.loads(path.read_text())["call"]) == (2, 1, {"pages": 1})
    with pytest.raises(UsageError) as caught:
        recorded(shop, "people.detailed", page(1, 2), b'{"age": 3}')
    assert caught.value.message.startswith("there is no sample for request 3: GET /v1/people/2")
    assert "--page FILE" in caught.value.hint


def test_secrets_of_a_sample_are_removed(shop: Workspace) -> None:
    body = {"payload": {"people": [{"id": 1, "api_key": "k-314159265"}]}, "next": None}
    sample = SampleResponse("a", json.dumps(body).encode(), 200, Headers({"set-cookie": "sid=k-314159265"}))
    _, path = recorded(shop, "people.list", sample)
    assert "314159265" not in path.read_text()
    assert "synthetic" not in path.read_text()
    assert "sample-1" not in path.read_text()


@pytest.mark.parametrize(
    ("base_url", "more", "url"),
    [
        ("https://{{context.shop}}.example.com/v1", "fields: [{ name: shop, options: [eu, us] }]", "https://eu.example.com/v1"),
        ("{{context.instance}}/v1", "fields: [{ name: instance }]", "https://example.example.com/v1"),
        ("{{context.found_by_login}}/v1", "", "https://example.example.com/v1"),
        ("https://api.example.com/{{context.cloud}}",
         "connect: [{ name: cloud, request: { path: /c }, transform: id }]", "https://api.example.com/example"),
        ("https://{{context.shop}}.example.com", "fields: [{ name: shop, default: main }]", "https://main.example.com"),
    ],
)  # fmt: skip
def test_a_value_that_nothing_supplies_has_a_placeholder(
    make: Callable[..., Workspace], base_url: str, more: str, url: str
) -> None:
    listing = "resources: { people: { list: { path: /people, pagination: none } } }"
    connector = f'base_url: "{base_url}"\nhosts: ["*.example.com"]\n{more}\n{listing}\n'
    files = {"connectors/shop/unified/crm.yaml": "resources: {}\n", "accounts/acme.yaml": None}
    workspace = make({**files, "connectors/shop/connector.yaml": connector})
    _, path = recorded(workspace, "people.list", b"[]")
    assert requests_of(path) == [f"{url}/people"]
