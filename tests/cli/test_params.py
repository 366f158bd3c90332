"""`-p NAME=VALUE`: what a name means, and the error for a name without a meaning."""

from pathlib import Path
from typing import Any

import pytest
from transcript import Run, conn

CONNECTOR = """\
base_url: {url}
pagination: {{format: cursor, config: {{cursor_field: next, cursor_param: after, size_param: size}}}}
resources:
  boards:
    list: {{method: get, path: /boards, response_path: items}}
  issues:
    list:
      method: get
      path: /boards/{{{{board}}}}/issues
      query: {{ state: open, draft: "{{{{params.draft ? true : null}}}}" }}
      response_path: items
      parents: {{as: board, from: boards.list}}
    get: {{method: get, path: "/projects/{{{{project}}}}/issues/{{{{id}}}}"}}
    all: {{method: get, path: /issues, response_path: items}}
    linked:
      method: get
      path: /issues
      response_path: items
      pagination: {{format: cursor, config: {{cursor_param: null, cursor_from_url: page_info}}}}
"""
UNIFIED = """\
resources:
  contacts:
    list:
      resource: issues
      query_mapping: { kind: query.kind, size: query.limit }
      response_mapping: {id: response.id, first_name: raw_query.shown, created_at: "'2026-01-01T00:00:00Z'"}
    get:
      resource: issues
      response_mapping: {id: response.id, first_name: id, created_at: "'2026-01-01T00:00:00Z'"}
  notes:
    list:
      resource: issues
      method: all
      query_mapping: "$merge([query, {'more': 1}])"
      response_mapping: {id: response.id}
"""


@pytest.fixture
def shop(desk: Path, vendor: Any) -> Path:
    vendor.answer = lambda got: (200, {}, {"items": [{"id": "1"}], "next": None, "id": "1"})
    folder = desk / "connectors/shop"
    (folder / "unified").mkdir(parents=True)
    (folder / "connector.yaml").write_text(CONNECTOR.format(url=vendor.url))
    (folder / "unified/crm.yaml").write_text(UNIFIED)
    (desk / "accounts/work.yaml").write_text("connector: shop\n")
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return desk


def run(desk: Path, operation: str, *params: str) -> Run:
    options = [word for param in params for word in ("-p", param)]
    return conn(desk, "run", operation, "-a", "work", *options)


def paths(vendor: Any) -> list[str]:
    return [got.target for got in vendor.arrived]


def test_a_name_that_nothing_of_a_unified_operation_reads_is_an_error(shop: Path, vendor: Any) -> None:
    done = run(shop, "contacts.list", "knid=x")
    assert (done.code, vendor.arrived) == (2, [])
    assert 'crm.contacts.list has no parameter "knid"' in done.err
    assert 'did you mean "kind"?' in done.err
    far = run(shop, "contacts.list", "colour=x")
    assert far.code == 2
    assert "use one of: board, draft, id, kind, limit, shown; for the vendor's parameters: conn run shop:" in far.err


@pytest.mark.parametrize(("param", "fix"), [("limit=2", "use one of: id, project"), ("cursor=x", "use --cursor")])
def test_a_page_that_no_parameter_asks_for_is_refused(shop: Path, vendor: Any, param: str, fix: str) -> None:
    done = run(shop, "contacts.get", "id=7", "project=p", param)
    assert (done.code, vendor.arrived) == (2, [])
    assert f'crm.contacts.get has no parameter "{param.partition("=")[0]}"' in done.err
    assert fix in done.err


@pytest.mark.parametrize("param", ["kind=a", "limit=2", "shown=x", "draft=true"])
def test_what_is_read_is_taken(shop: Path, vendor: Any, param: str) -> None:
    done = run(shop, "contacts.list", "board=b", param)
    assert (done.code, done.err) == (0, "complete: 1 record\n")
    sent = {"kind=a": "&kind=a", "limit=2": "&size=2", "draft=true": "&draft=true"}.get(param, "")
    assert paths(vendor) == [f"/boards/b/issues?state=open{sent}"]


def test_a_name_of_the_vendors_path_reaches_it_through_a_unified_operation(shop: Path, vendor: Any) -> None:
    done = run(shop, "contacts.get", "id=7", "project=p")
    assert done.code == 0, done.err
    assert paths(vendor) == ["/projects/p/issues/7"]


def test_a_mapping_that_reads_the_whole_query_takes_any_name(shop: Path, vendor: Any) -> None:
    assert run(shop, "notes.list", "anything=1").code == 0
    assert paths(vendor) == ["/issues?anything=1&more=1"]


def test_a_vendor_operation_sends_what_it_is_given(shop: Path, vendor: Any) -> None:
    done = run(shop, "shop:issues.list", "board=b", "assignee=ada", "state=closed")
    assert (done.code, done.err) == (0, "complete: 1 record\n")
    assert paths(vendor) == ["/boards/b/issues?state=closed&assignee=ada"]


@pytest.mark.parametrize(
    ("param", "meant"), [("baord=b", "board"), ("darft=true", "draft"), ("afterr=x", "after"), ("stat=x", "state")]
)
def test_what_looks_like_a_slip_is_pointed_out_and_sent(shop: Path, vendor: Any, param: str, meant: str) -> None:
    done = run(shop, "shop:issues.list", param)
    name = param.partition("=")[0]
    assert done.code == 0
    assert f'warning: "{name}" is sent to the vendor as a query parameter; did you mean "{meant}"?' in done.err
    assert param in paths(vendor)[-1]


def test_the_parameter_that_a_cursor_is_read_from_is_one_that_is_sent(shop: Path, vendor: Any) -> None:
    assert 'did you mean "page_info"?' in run(shop, "shop:issues.linked", "page_inof=x").err
    assert run(shop, "shop:issues.linked", "page_info=x").err == "complete: 1 record\n"
    assert paths(vendor) == ["/issues?page_inof=x", "/issues?page_info=x"]


def test_a_name_beside_the_one_it_is_like_is_none(shop: Path, vendor: Any) -> None:
    assert run(shop, "shop:issues.list", "board=b", "boards=x").err == "complete: 1 record\n"
    assert paths(vendor) == ["/boards/b/issues?state=open&boards=x"]
