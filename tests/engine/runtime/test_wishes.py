"""What customers ask for most, each as the shortest override that grants it: what it changes, its length, and that lint
has no objection."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from conn_engine.config import Workspace
from conn_engine.diagnostics import Severity
from conn_engine.errors import DisabledError
from conn_engine.lint import lint_paths
from conn_engine.runtime.call import Call

CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: bearer
pagination: { format: page, size: 50, size_param: per_page, full_pages: size }
resources:
  people:
    path: /people
    list: { response_path: items, query: { sort: name } }
    get: {}
    delete: {}
"""
CRM = """\
resources:
  contacts:
    response_mapping: { id: $string(response.id), email: response.mail }
    list: { resource: people }
    get: { resource: people }
    delete: { resource: people, response_mapping: { id: id, deleted: true } }
"""
FILES = {"connectors/shop/connector.yaml": CONNECTOR, "connectors/shop/unified/crm.yaml": CRM}
LIST = "https://api.example.com/v1/people?sort=name&page=1&per_page=50"
ADA = {"id": 1, "mail": "ada@x.org", "first": "Ada", "last": "Byron", "job": "Countess", "active": True}
RECORD = {"id": "1", "email": "ada@x.org"}


@dataclass
class Wish:
    """An override, and what the first request of an operation, and its records, are with it."""

    override: str
    record: dict[str, Any] | None = field(default_factory=lambda: RECORD)
    url: str = LIST
    operation: str = "contacts.list"
    answers: list[Any] = field(default_factory=lambda: [{"items": [ADA]}])
    headers: dict[str, str] = field(default_factory=dict)
    most_lines: int = 1


WISHES = {
    "a mapped field": Wish(
        "crm.contacts.response_mapping.title: response.job", RECORD | {"title": "Countess"}
    ),
    "a fixed value": Wish("crm.contacts.response_mapping.lead_source: '\"shop\"'", RECORD | {"lead_source": "shop"}),
    "a field merged from two": Wish(
        'crm.contacts.response_mapping.name: response.first & " " & response.last', RECORD | {"name": "Ada Byron"}
    ),
    "another page size": Wish("pagination.size: 20", url=LIST.replace("50", "20")),
    "another base path": Wish("base_url: https://api.example.com/v1/eu", url=LIST.replace("/v1", "/v1/eu")),
    "a filter": Wish("resources.people.list.record_filter: $not(record.active)", None),
    "a renamed query parameter": Wish(
        "resources.people.list.query: { sort: null, order_by: name }", url=LIST.replace("sort=", "order_by=")
    ),
    "an extra header": Wish('headers.X-Region: "{{context.region}}"', headers={"X-Region": "eu"}),
    "another default limit": Wish(
        'crm.contacts.list.query_mapping.per_page: "query.limit ? query.limit : 25"',
        url="https://api.example.com/v1/people?sort=name&per_page=25&page=1",
    ),
    "another response path": Wish(
        "resources.people.list.response_path: data.rows", answers=[{"data": {"rows": [ADA]}}]
    ),
    "an error rule": Wish(
        "errors:\n  - { when: body.code = 7, then: empty }", None, answers=[{"code": 7}], most_lines=2
    ),
    "an extra step": Wish(
        "crm.contacts.get.before:\n"
        '  - { name: chief, request: { method: get, path: "/people/{{id}}/chief" } }\n'
        "crm.contacts.get.response_mapping.owner_id: $string(before.chief.id)"
        " # conn: ignore CFG150 -- only get has the step",
        RECORD | {"owner_id": "7"},
        url="https://api.example.com/v1/people/1/chief",
        operation="contacts.get",
        answers=[{"id": 7}, ADA],
        most_lines=3,
    ),
    "an operation of its own": Wish(
        'resources.people.archive: { method: post, path: "/people/{{id}}/archive" }\n'
        "crm.contacts.archive.resource: people",
        url="https://api.example.com/v1/people/1/archive",
        operation="contacts.archive",
        answers=[ADA],
        most_lines=2,
    ),
}  # fmt: skip


def override(make: Callable[..., Workspace], text: str) -> Workspace:
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    account = f"connector: shop\ncontext: {{ region: eu }}\noverride:\n{indented}"
    workspace = make({**FILES, "accounts/acme.yaml": account})
    found = lint_paths(workspace.root, [workspace.root / "accounts/acme.yaml"]).findings
    assert [(one.code, one.message) for one in found if one.severity > Severity.INFO] == []
    return workspace


@pytest.mark.parametrize("name", WISHES)
def test_a_wish_is_granted_in_few_lines(make: Callable[..., Workspace], run: Callable[..., Any], name: str) -> None:
    wish = WISHES[name]
    assert len(wish.override.splitlines()) <= wish.most_lines
    call = Call(id="1") if wish.operation != "contacts.list" else Call()
    done = run(override(make, wish.override), wish.operation, wish.answers, call)
    assert done.urls[0] == wish.url
    assert done.requests[0].headers.items() >= wish.headers.items()
    assert done.records == ([] if wish.record is None else [wish.record])


def test_an_operation_is_disabled_in_one_line(make: Callable[..., Workspace], run: Callable[..., Any]) -> None:
    with pytest.raises(DisabledError, match=r"crm\.contacts\.delete is disabled by accounts/acme\.yaml:4"):
        run(override(make, "crm.contacts.delete.enabled: false"), "contacts.delete", [], Call(id="1"))


def test_a_timeout_is_set_in_one_line(make: Callable[..., Workspace]) -> None:
    effective = override(make, "timeout_seconds: 5").effective(account="acme")
    assert effective.vendor("people", "list").timeout_seconds == 5


def test_fifteen_wishes_fit_in_five_lines() -> None:
    assert len(WISHES) + 2 == 15
    assert max(wish.most_lines for wish in WISHES.values()) <= 5
