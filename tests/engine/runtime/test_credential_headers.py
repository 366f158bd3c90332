"""Goldens hold which headers carry a credential, with nothing of the credential itself, and a replay compares them."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.secrets import Redactor
from conn_engine.testing.credential_headers import describe_credential_headers
from conn_engine.testing.goldens import update_golden
from conn_engine.testing.suite import OperationReport, Selection, run_suite
from conn_engine.wire import Headers, Request

CONNECTOR = "connectors/shop/connector.yaml"
GOLDEN = "connectors/shop/expected/people.list.json"
RECORDING = "connectors/shop/recordings/people.list.json"
STATIC = "headers: { x-version: '1', X-Api-Key: open }"


def request(headers: Mapping[str, str], declared: Mapping[str, str] | None = None, *signed: str) -> Request:
    said = Headers(declared or {})
    return Request("GET", "https://api.example.com", Headers(headers), declared=said, signed_headers=frozenset(signed))


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Bearer sample-1", "Bearer [credential]"),
        ("sample-12", "[credential]"),
        ("Token token=sample-1, user=sample-12", "Token token=[credential], user=[credential]"),
        (basic("sample-1/token:sample-1"), "Basic [credential]/token:[credential]"),
        (basic("computed:pair"), "Basic [credential]"),
        ("Basic !", "Basic [credential]"),
        ("Digest 8f14e45fceea167a", "Digest [credential]"),
        ("8f14e45fceea167a", "[credential]"),
    ],
)
def test_only_what_stands_around_an_invented_credential_is_shown(value: str, shown: str) -> None:
    assert describe_credential_headers(request({"Authorization": value}), {"sample-1", "sample-12", "B"}) == {
        "authorization": shown
    }


def test_what_is_computed_is_never_shown() -> None:
    headers = {"Authorization": "OAuth oauth_token=sample-1, oauth_nonce=81", "X-Sig": "ab cd", "X-Hash": "ab cd"}
    assert describe_credential_headers(request(headers, None, "authorization", "x-sig"), {"sample-1"}) == {
        "authorization": "OAuth [signature]",
        "x-sig": "[signature]",
        "x-hash": "[credential]",
    }


def test_headers_of_the_configuration_and_of_the_body_are_none_of_a_credential() -> None:
    said = {"x-version": "1", "x-api-key": "open"}
    headers = {**said, "accept": "application/json", "content-type": "text/plain"}
    assert describe_credential_headers(request(headers, said), {"sample-1"}) == {"x-api-key": "[not shown]"}


ROWS = [("GET", "/people", {"items": [{"id": 1}]})]
Shop = Callable[..., Workspace]


@pytest.fixture
def shop(make: Callable[..., Workspace], recorded: Callable[..., Any]) -> Shop:
    """`shop(authorization, credentials)`: a workspace whose list is recorded, with this authorization."""

    def build(
        authorization: str, credentials: str = "{ format: api_key }", rows: Any = ROWS, **files: str
    ) -> Workspace:
        text = f"base_url: https://api.example.com/v1\ncredentials: {credentials}\n{authorization}\n"
        text += "resources:\n  people:\n    list: { method: get, path: /people, response_path: items }\n"
        return make(
            {
                CONNECTOR: text,
                "connectors/shop/unified/crm.yaml": "resources: {}\n",
                RECORDING: recorded("people.list", rows),
                **{name.replace("__", "/") + ".yaml": text for name, text in files.items()},
            }
        )

    return build


def suite(workspace: Workspace, *, update: bool = False, accounts: tuple[str, ...] = ()) -> list[OperationReport]:
    reports = list(run_suite(workspace, Selection(operations=("people.list",), accounts=accounts)))
    for judgement in (judgement for report in reports for judgement in report.judgements if update):
        update_golden(judgement, Redactor())
    return reports


def find_codes(reports: list[OperationReport]) -> list[tuple[str, str, str]]:
    return [
        (finding.code, f"{finding.span.file}:{finding.span.line}" if finding.span else "", finding.message)
        for report in reports
        for finding in report.all_findings
    ]


def credentials_in(root: Path) -> Any:
    [row] = json.loads((root / GOLDEN).read_text(encoding="utf-8"))["requests"]
    return row.get("credentials")


HMAC = "format: hmac, config: { content: request.url, headers: { X-Sig: '{{signature}}', X-Key: '{{api_key}}' } }"
OAUTH1 = "format: oauth1, config: { consumer_key: '{{api_key}}', consumer_secret: a, token: '', token_secret: '' }"


@pytest.mark.parametrize(
    ("authorization", "headers"),
    [
        ("authorization: { format: header, config: { name: X-Key } }", {"x-key": "[credential]"}),
        ("authorization: { format: bearer, config: { prefix: Token } }", {"authorization": "Token [credential]"}),
        ("authorization: { format: cookie, config: { name: S, value: '{{api_key}}' } }", {"cookie": "S=[credential]"}),
        (
            "authorization: { format: basic, config: { username: '{{api_key}}', password: x } }",
            {"authorization": "Basic [credential]:x"},
        ),
        (
            "authorization: { format: expression, config: { expression: \"{'headers': {'X-K': 'k=' & api_key}}\" } }",
            {"x-k": "k=[credential]"},
        ),
        (f"signature: {{ {HMAC} }}", {"x-key": "[signature]", "x-sig": "[signature]"}),
        (f"signature: {{ {OAUTH1} }}", {"authorization": "OAuth [signature]"}),
        ("", {}),
        (STATIC, {"x-api-key": "[not shown]"}),
    ],
)
def test_goldens_hold_the_headers_of_each_kind_and_no_value(
    shop: Shop, authorization: str, headers: dict[str, str]
) -> None:
    workspace = shop(authorization)
    suite(workspace, update=True)
    assert credentials_in(workspace.root) == headers
    assert "sample-" not in (workspace.root / GOLDEN).read_text(encoding="utf-8")
    assert find_codes(suite(workspace)) == []


@pytest.mark.parametrize(
    ("before", "after", "line", "message"),
    [
        (
            "authorization: { format: header, config: { name: X-Key } }",
            "authorization: { format: header, config: { name: X-Kay } }",
            3,
            'request 1: the header "x-kay" is "[credential]", but not in the golden; '
            'the header "x-key" is not sent, but "[credential]" in the golden',
        ),
        (
            "authorization: { format: bearer }",
            "authorization: { format: bearer, config: { prefix: Token } }",
            3,
            'request 1: the header "authorization" is "Token [credential]", but "Bearer [credential]" in the golden',
        ),
        (
            "authorization: { format: bearer }",
            "authorization: { format: none }",
            3,
            'request 1: the header "authorization" is not sent, but "Bearer [credential]" in the golden',
        ),
        (
            "headers: {}",
            "authorization: { format: bearer }",
            3,
            'request 1: the header "authorization" is "Bearer [credential]", but not in the golden',
        ),
        (
            f"signature: {{ {HMAC} }}",
            f"signature: {{ {HMAC.replace('X-Sig', 'X-Sign')} }}",
            3,
            'request 1: the header "x-sig" is not sent, but "[signature]" in the golden; '
            'the header "x-sign" is "[signature]", but not in the golden',
        ),
    ],
)
def test_a_credential_that_is_sent_differently_is_found_where_that_is_set(
    shop: Shop, before: str, after: str, line: int, message: str
) -> None:
    suite(shop(before), update=True)
    reports = suite(shop(after))
    assert find_codes(reports) == [("TST108", f"{CONNECTOR}:{line}", message)]
    assert "conn test --update" in reports[0].all_findings[0].hint
    suite(shop(after), update=True)
    assert find_codes(suite(shop(after))) == []


def test_a_golden_without_headers_does_not_compare_them(shop: Shop) -> None:
    workspace = shop("authorization: { format: bearer }")
    suite(workspace, update=True)
    golden = json.loads((workspace.root / GOLDEN).read_text(encoding="utf-8"))
    del golden["requests"][0]["credentials"]
    (workspace.root / GOLDEN).write_text(json.dumps(golden), encoding="utf-8")
    assert find_codes(suite(shop("authorization: { format: header, config: { name: X-Key } }"))) == []
    suite(shop("authorization: { format: bearer }"), update=True)
    assert credentials_in(workspace.root) == {"authorization": "Bearer [credential]"}


def test_an_override_that_moves_the_credential_is_no_fault_of_the_shared_golden(shop: Shop) -> None:
    bearer = "authorization: { format: bearer }"
    suite(shop(bearer), update=True)
    own = "connector: shop\noverride: { authorization: { format: header, config: { name: X-Key } } }\n"
    workspace = shop(bearer, accounts__acme=own)
    reports = suite(workspace, accounts=("acme",))
    assert (find_codes(reports), reports[0].judgements[0].golden) == ([], "overridden")
    suite(workspace, accounts=("acme",), update=True)
    assert not (workspace.root / "connectors/shop/expected/acme").exists()  # headers alone are no reason for another


def test_a_renewed_credential_stands_where_the_first_one_stood(
    shop: Shop,
) -> None:
    workspace = shop(
        "authorization: { format: bearer, config: { path: session.access_token } }",
        "{ format: session, config: { login: { url: https://api.example.com/login, response: response.token } } }",
        [("GET", "/people", (401, {})), ("GET", "/people", {"items": []})],
    )
    suite(workspace, update=True)
    requests = json.loads((workspace.root / GOLDEN).read_text(encoding="utf-8"))["requests"]
    assert [row["credentials"] for row in requests] == [{"authorization": "Bearer [credential]"}] * 2
