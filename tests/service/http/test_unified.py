"""Requests to the unified API, from the token to the vendor and back."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from service_bench import CRM, NOW, Bench, open_bench, read_problem

from conn_engine.errors import UsageError
from conn_service.http.reading import ServiceLimits
from conn_service.http.tokens import TokenRate

CONTACTS = "/unified/crm/contacts"
LIMITED = {"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "10"}


def problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    data = response.json()
    assert data["status"] == response.status_code
    assert data["title"]
    assert data["detail"]
    return response.status_code, data["kind"]


# --- reading ---


def test_a_page_has_records_cursors_and_rate_limits(bench: Bench) -> None:
    response = bench.ask("GET", f"{CONTACTS}?limit=1&updated_after=2026")
    assert response.status_code == 200
    data = response.json()
    assert data["result"] == [{"id": "1", "first_name": "P1", "email": "p1@example.com"}]
    assert (data["result_count"], data["prev_cursor"]) == (1, None)
    assert {name: response.headers[name] for name in ("ratelimit-limit", "ratelimit-remaining", "ratelimit")} == {
        "ratelimit-limit": "100",
        "ratelimit-remaining": "42",
        "ratelimit": '"default";r=42;t=7',
    }
    following = bench.ask("GET", f"{CONTACTS}?cursor={data['next_cursor']}&fields=id").json()
    assert following["result"] == [{"id": "2"}]
    assert [got.query for got in bench.vendor.arrived] == [{"size": "1", "since": "2026"}, {"after": "2"}]
    assert bench.vendor.arrived[0].headers["authorization"] == "Bearer token-of-acme"


def test_a_record_and_the_vendors_own(bench: Bench) -> None:
    assert bench.ask("GET", f"{CONTACTS}/1").json() == {"result": {"id": "1", "first_name": "P1", "email": None}}
    data = bench.ask("GET", f"{CONTACTS}/a%2Fb?remote_data=true").json()
    assert data["result"]["remote_data"] == {"id": 1, "name": "P1", "mail": None}
    assert bench.vendor.arrived[-1].path == "/v1/people/a%2Fb"


def test_all_pages_as_lines(bench: Bench) -> None:
    response = bench.ask("GET", CONTACTS, headers={"accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [line["record"]["id"] for line in lines[:-1]] == ["1", "2", "3"]
    assert lines[-1] == {"end": {"count": 3, "completeness": {"state": "complete"}}}


def test_a_stream_that_breaks_off_says_so(bench: Bench) -> None:
    inner = bench.vendor.answer
    bench.vendor.answer = lambda got: (500, {"message": "x"}) if got.query.get("after") == "2" else inner(got)
    response = bench.ask("GET", CONTACTS, headers={"accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert [*lines[0], *lines[1]] == ["record", "problem"]
    assert (lines[1]["problem"]["kind"], len(lines)) == ("vendor_unavailable", 2)
    bench.vendor.answer = lambda got: (500, {})
    assert problem(bench.ask("GET", CONTACTS, headers={"accept": "application/x-ndjson"})) == (
        502,
        "vendor_unavailable",
    )


@pytest.mark.parametrize(
    ("query", "fix"),
    [
        ("updated_aftr=1", "updated_after"),
        ("limit=0", ""),
        ("limit=many", ""),
        ("limit=1&limit=2", ""),
        ("cursor=", ""),
        ("cursor=abc", ""),
        ("fields=id,,x", ""),
        ("remote_data=yes", ""),
        ("=1", ""),
        ("updated_after=%00", ""),
        ("updated_after=%ff", ""),
    ],
)
def test_a_query_is_read_strictly(bench: Bench, query: str, fix: str) -> None:
    response = bench.ask("GET", f"{CONTACTS}?{query}")
    assert problem(response) == (400, "invalid_request")
    assert fix in response.json().get("fix", "")
    assert bench.vendor.arrived == []


def test_a_value_that_a_mapping_cannot_use_is_refused_with_a_fix(tmp_path: Path) -> None:
    crm = CRM.replace("since: query.updated_after", "since: $toMillis(query.updated_after)")
    with open_bench(tmp_path, files={"connectors/shop/unified/crm.yaml": crm}) as bench:
        response = bench.ask("GET", f"{CONTACTS}?updated_after=yesterday")
        assert bench.vendor.arrived == []
    assert problem(response) == (400, "invalid_request")
    assert "ISO 8601" in response.json()["detail"]
    assert "correct the values of the request" in response.json()["fix"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/unified/crm/contcts", 404, "unknown"),
        ("GET", "/unified/crm", 404, "unknown"),
        ("GET", "/unified/crm/contacts/1/2", 404, "unknown"),
        ("GET", "/unified/crm/contacts/%2e%2e", 404, "unknown"),
        ("GET", "/nothing", 404, "unknown"),
        ("PUT", CONTACTS, 405, "method_not_allowed"),
        ("POST", f"{CONTACTS}/1", 405, "method_not_allowed"),
        ("GET", f"{CONTACTS}/1/-/merge", 405, "method_not_allowed"),
        ("POST", f"{CONTACTS}/-/mrge", 404, "unknown"),
        ("POST", f"{CONTACTS}/-/list", 404, "unknown"),
        ("GET", f"{CONTACTS}/77", 404, "not_found"),
        ("TRACE", "/health/live", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there(bench: Bench, method: str, path: str, status: int, kind: str) -> None:
    response = bench.ask(method, path)
    assert problem(response) == (status, kind)
    assert "secret words" not in response.text
    if status == 405:
        assert response.headers["allow"]


def test_the_vendors_words_are_shown_if_the_deployment_wants_it(tmp_path: Path) -> None:
    with open_bench(tmp_path, limits=ServiceLimits(shows_vendor_errors=True)) as bench:
        data = bench.ask("GET", f"{CONTACTS}/77").json()
    assert data["remote"] == {"status": 404, "message": "secret words of the vendor"}


@pytest.mark.parametrize(
    ("reply", "status", "kind", "headers"),
    [
        ((401, {}), 424, "needs_login", {}),
        ((403, {}), 403, "forbidden", {}),
        ((409, {}), 409, "conflict", {}),
        ((422, {}), 422, "invalid_request", {}),
        (
            (429, {"Retry-After": "7", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "10"}, {}),
            429,
            "rate_limited",
            {"retry-after": "10"},
        ),
        ((500, {}), 502, "vendor_unavailable", {}),
        ((200, {"Content-Type": "application/json"}, b"<html>"), 502, "bad_response", {}),
    ],
)
def test_errors_of_the_vendor(bench: Bench, reply: Any, status: int, kind: str, headers: dict[str, str]) -> None:
    bench.vendor.answer = lambda got: reply
    response = bench.ask("GET", CONTACTS)
    assert problem(response) == (status, kind)
    assert {name: response.headers[name] for name in headers} == headers
    assert len(bench.vendor.arrived) == 1


# --- writing ---


def test_writes(bench: Bench) -> None:
    created = bench.ask("POST", CONTACTS, {"first_name": "Ada"})
    assert (created.status_code, created.json()) == (201, {"result": {"id": "9", "first_name": "Ada"}})
    updated = bench.ask("PATCH", f"{CONTACTS}/1", {"first_name": "Eve"})
    assert (updated.status_code, updated.json()["result"]["first_name"]) == (200, "Eve")
    assert bench.ask("DELETE", f"{CONTACTS}/1").json() == {"result": {"id": "1"}}
    assert bench.ask("POST", f"{CONTACTS}/1/-/merge").json() == {"result": {"id": "1"}}
    assert [(got.method, got.path) for got in bench.vendor.arrived] == [
        ("POST", "/v1/people"),
        ("PATCH", "/v1/people/1"),
        ("DELETE", "/v1/people/1"),
        ("POST", "/v1/people/1/merge"),
    ]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([1], "body must be of the type object"),
        ({"first_name": 1}, "body.first_name must be of the type "),
        ({"emails": "a@example.com"}, "body.emails must be of the type array"),
    ],
)
def test_a_body_of_another_type_is_refused_with_the_type_that_it_must_have(
    bench: Bench, body: Any, detail: str
) -> None:
    response = bench.ask("POST", CONTACTS, body)
    assert problem(response) == (400, "invalid_request")
    assert response.json()["detail"].startswith(detail)
    assert bench.vendor.arrived == []


def test_a_refused_method_says_which_ones_there_are(bench: Bench) -> None:
    assert bench.ask("PUT", CONTACTS).json()["fix"] == "use one of: GET, POST"
    assert "GET" in bench.ask("POST", "/health/live").json()["fix"]
    assert bench.ask("POST", f"{CONTACTS}/1/-/foo").json()["fix"] == "use one of: merge"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"[NaN]", "application/json", 400), (b"a=1", "text/plain", 415)],
)
def test_bodies_that_cannot_be_read(bench: Bench, body: bytes, kind: str, status: int) -> None:
    headers = {"authorization": f"Bearer {bench.token}", "content-type": kind}
    assert problem(bench.client.post(CONTACTS, content=body, headers=headers))[0] == status
    assert bench.vendor.arrived == []


def test_sizes_are_limited(tmp_path: Path) -> None:
    with open_bench(tmp_path, limits=ServiceLimits(body_bytes=100, header_bytes=2000)) as bench:
        assert problem(bench.ask("POST", CONTACTS, {"first_name": "x" * 200})) == (413, "too_large")
        assert problem(bench.ask("GET", CONTACTS, headers={"x-long": "x" * 2000})) == (431, "too_large")
        assert bench.vendor.arrived == []


def test_a_key_writes_once(bench: Bench) -> None:
    key = {"idempotency-key": "k1"}
    first = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)
    again = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert problem(bench.ask("POST", CONTACTS, {"first_name": "Eve"}, headers=key)) == (422, "invalid_request")
    assert len(bench.vendor.arrived) == 1
    bench.clock.sleep(25 * 3600)
    bench.ask("POST", CONTACTS, {"first_name": "Eve"}, headers=key)
    assert len(bench.vendor.arrived) == 2


def test_a_key_gives_its_answer_only_to_who_may_write(bench: Bench) -> None:
    key = {"idempotency-key": "k1"}
    assert bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key).status_code == 201
    for scope in ("unified:read", "metrics"):
        answer = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key, token=bench.issue(scope))
        assert problem(answer) == (403, "forbidden")
    again = bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key, token=bench.issue("unified:write"))
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")


def test_a_write_without_a_result_is_never_sent_again(tmp_path: Path) -> None:
    end = threading.Event()
    with open_bench(tmp_path, limits=ServiceLimits(request_seconds=2)) as bench:
        bench.vendor.answer = lambda got: (end.wait(60) and 201, {}, {"id": 9, "name": "Ada"})
        key = {"idempotency-key": "k1"}
        assert problem(bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)) == (504, "timeout")
        end.set()
        for _ in range(2):
            assert problem(bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)) == (409, "unknown_result")
        assert len(bench.vendor.arrived) <= 1  # a busy machine may not have sent the first one yet


def test_a_write_that_was_refused_may_be_sent_again(bench: Bench) -> None:
    inner = bench.vendor.answer
    bench.vendor.answer = lambda got: (422, {})
    key = {"idempotency-key": "k1"}
    assert problem(bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)) == (422, "invalid_request")
    bench.vendor.answer = inner
    assert bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key).status_code == 201
    bench.vendor.answer = lambda got: (500, {})
    key = {"idempotency-key": "k2"}
    assert problem(bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)) == (502, "vendor_unavailable")
    assert problem(bench.ask("POST", CONTACTS, {"first_name": "Ada"}, headers=key)) == (409, "unknown_result")


# --- who may ---


def test_a_request_without_a_valid_token_is_refused(bench: Bench) -> None:
    text = bench.token
    wrong = [None, "", "Bearer", "Bearer x", f"Basic {text}", f"Bearer {text[:-1]}", f"Bearer {text}x"]
    altered = text.replace(text[20], "A" if text[20] != "A" else "B", 1)
    for value in (*wrong, f"Bearer {altered}"):
        headers = {} if value is None else {"authorization": value}
        response = bench.client.get(CONTACTS, headers=headers)
        assert problem(response) == (401, "unauthorized")
        assert response.headers["www-authenticate"]
    expired = bench.issue(expires_at=NOW + 10)
    revoked = bench.issue()
    bench.tokens.revoke(revoked.split("_")[1], NOW)
    assert bench.ask("GET", CONTACTS, token=expired).status_code == 200
    bench.clock.sleep(10)
    for token in (expired, revoked):
        assert problem(bench.ask("GET", CONTACTS, token=token)) == (401, "unauthorized")


def test_a_token_has_a_rate(bench: Bench) -> None:
    limited = bench.issue(rate=TokenRate.parse("2/60s"))
    assert [bench.ask("GET", f"{CONTACTS}/1", token=limited).status_code for _ in range(2)] == [200, 200]
    response = bench.ask("GET", f"{CONTACTS}/1", token=limited)
    assert problem(response) == (429, "rate_limited")
    names = ("retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy")
    assert [response.headers[name] for name in names] == ["60", "2", "0", "60", '"token";q=2;w=60']
    assert len(bench.vendor.arrived) == 2
    assert bench.ask("GET", f"{CONTACTS}/1").status_code == 200
    bench.clock.sleep(60)
    assert bench.ask("GET", f"{CONTACTS}/1", token=limited).status_code == 200


@pytest.mark.parametrize(("text", "rate"), [("100/60s", (100, 60)), ("10/s", (10, 1)), ("5000/1h", (5000, 3600))])
def test_a_rate_is_read(text: str, rate: tuple[int, int]) -> None:
    assert TokenRate.parse(text) == TokenRate(*rate) == TokenRate.parse(str(TokenRate(*rate)))


@pytest.mark.parametrize("text", ["", "100", "0/s", "1/0s", "1/d", "-1/s", "1/s s", "1e3/s"])
def test_a_wrong_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a rate"):
        TokenRate.parse(text)


def test_scopes(bench: Bench) -> None:
    reads, writes = bench.issue("unified:read"), bench.issue("unified:write")
    assert bench.ask("GET", CONTACTS, token=reads).status_code == 200
    assert problem(bench.ask("POST", CONTACTS, {"first_name": "A"}, token=reads)) == (403, "forbidden")
    assert problem(bench.ask("POST", f"{CONTACTS}/1/-/merge", token=reads)) == (403, "forbidden")
    assert problem(bench.ask("GET", CONTACTS, token=writes)) == (403, "forbidden")
    assert len(bench.vendor.arrived) == 1


def test_the_account_is_the_tokens_or_the_headers(bench: Bench) -> None:
    both, every = bench.issue(accounts=("acme", "globex")), bench.issue(accounts=())
    for token in (both, every):
        assert problem(bench.ask("GET", CONTACTS, token=token)) == (400, "invalid_request")
        assert bench.ask("GET", CONTACTS, token=token, headers={"conn-account": "globex"}).status_code == 200
    assert bench.vendor.arrived[-1].headers["authorization"] == "Bearer token-of-globex"
    alike = [
        bench.ask("GET", CONTACTS, headers={"conn-account": "globex"}),  # there is one, but not for this token
        bench.ask("GET", CONTACTS, headers={"conn-account": "nobody"}),
        bench.ask("GET", CONTACTS, token=every, headers={"conn-account": "nobody"}),
    ]
    assert [problem(response) for response in alike] == [(404, "unknown")] * 3
    assert len({str(read_problem(response)) for response in alike}) == 1
    response = bench.ask("GET", CONTACTS, token=every, headers={"conn-account": "empty"})
    assert problem(response) == (424, "needs_login")


# --- what is kept, and what is not ---


def test_a_new_credential_is_read_after_a_refusal(bench: Bench) -> None:
    bench.vendor.answer = lambda got: (
        (200, {}, {"items": []}) if got.headers["authorization"] == "Bearer new" else (401, {})
    )
    assert problem(bench.ask("GET", CONTACTS)) == (424, "needs_login")
    bench.vault.save("acme", {"token": "new"})
    assert bench.ask("GET", CONTACTS).status_code == 200


def test_an_endless_expression_of_an_account_ends(tmp_path: Path) -> None:
    endless = "($f := function($x){$f($x)}; $f(1))"
    override = f"override: {{unified: {{crm: {{contacts: {{get: {{response_mapping: {{email: '{endless}'}}}}}}}}}}}}\n"
    with open_bench(tmp_path, override=override) as bench:
        assert problem(bench.ask("GET", f"{CONTACTS}/1")) == (500, "configuration")
        every = bench.issue(accounts=())
        response = bench.ask("GET", f"{CONTACTS}/1", token=every, headers={"conn-account": "globex"})
        assert response.status_code == 200


def test_health(bench: Bench) -> None:
    assert bench.client.get("/health/live").json() == {"status": "alive"}
    assert bench.client.get("/health/ready").json() == {
        "status": "ready",
        "accounts": 3,
        "checks": {"store": "ok", "vault": "ok"},
    }
