"""`conn run`, `conn record` and `conn test` of an operation that is repeated for its parents, against a real server."""

import json

import pytest
from transcript import conn

CONNECTOR = """\
base_url: {url}
pagination: {{format: cursor, config: {{cursor_field: next, cursor_param: after}}}}
resources:
  boards:
    list: {{method: get, path: /boards, response_path: items}}
  issues:
    list:
      method: get
      path: /boards/{{{{board}}}}/issues
      response_path: items
      parents: {{as: board, from: boards.list}}
      errors: [{{when: status = 404, then: skip}}]
      record_mapping: {{id: record.id, board: parent.board.name}}
"""
UNIFIED = """\
resources:
  contacts:
    list:
      resource: issues
      response_mapping: {id: response.id, first_name: response.board, created_at: "'2026-01-01T00:00:00Z'"}
"""


def jira(got):
    path, _, query = got.target.partition("?")
    if path == "/boards":
        rows = {"": [("b1", "One"), ("b2", "Two")], "after=p2": [("b/3", "Three")]}[query]
        page = {"items": [{"id": key, "name": name} for key, name in rows]}
        return 200, {}, page | ({} if query else {"next": "p2"})
    if path == "/boards/b2/issues":
        return 404, {}, {"message": "gone"}
    return 200, {}, {"items": [{"id": path.split("/")[2] + "-1"}]}


@pytest.fixture
def jira_desk(desk, vendor):
    vendor.answer = jira
    folder = desk / "connectors/jira"
    (folder / "unified").mkdir(parents=True)
    (folder / "connector.yaml").write_text(CONNECTOR.format(url=vendor.url))
    (folder / "unified/crm.yaml").write_text(UNIFIED)
    (desk / "accounts/work.yaml").write_text("connector: jira\n")
    with (desk / "conn.yaml").open("a") as stream:
        stream.write(f'trusted_hosts: ["127.0.0.1:{vendor.port}"]\n')
    return desk


def rows(done):
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def test_every_parent_and_a_chosen_one(jira_desk, vendor):
    every = rows(conn(jira_desk, "run", "jira:issues.list", "-a", "work"))
    assert every == [{"id": "b1-1", "board": "One"}, {"id": "b%2F3-1", "board": "Three"}]
    assert [got.target for got in vendor.arrived] == [
        "/boards", "/boards/b1/issues", "/boards/b2/issues", "/boards?after=p2", "/boards/b%2F3/issues",
    ]  # fmt: skip
    vendor.arrived.clear()
    chosen = conn(jira_desk, "run", "jira:issues.list", "-a", "work", "-p", 'board=["b1","b/3"]')
    assert [row["id"] for row in rows(chosen)] == ["b1-1", "b%2F3-1"]
    assert [got.target for got in vendor.arrived] == ["/boards/b1/issues", "/boards/b%2F3/issues"]


def test_a_unified_operation_takes_the_choice_too(jira_desk, vendor):
    done = rows(conn(jira_desk, "run", "contacts.list", "-a", "work", "-p", "board=b1"))
    assert [row["id"] for row in done] == ["b1-1"]
    assert [got.target for got in vendor.arrived] == ["/boards/b1/issues"]


def test_partitions_are_listed_without_running_it(jira_desk, vendor):
    done = conn(jira_desk, "run", "jira:issues.list", "-a", "work", "--partitions")
    assert rows(done) == [{"board": "b1"}, {"board": "b2"}, {"board": "b/3"}]
    assert [got.target for got in vendor.arrived] == ["/boards", "/boards?after=p2"]
    alone = conn(jira_desk, "run", "jira:boards.list", "-a", "work", "--partitions")
    assert alone.code == 2
    assert "no `parents`" in alone.err


def test_progress_says_which_item_it_is_at(jira_desk, vendor):
    limited = []

    def busy(got):
        if got.target == "/boards/b%2F3/issues" and not limited:
            limited.append(got)
            return 429, {"retry-after": "30"}, {}
        return jira(got)

    vendor.answer = busy
    done = conn(jira_desk, "run", "jira:issues.list", "-a", "work", "--wait")
    assert done.code == 0
    assert "board b/3, page 3" in done.err


def test_an_error_says_which_item_it_is_at(jira_desk, vendor):
    vendor.answer = lambda got: (403, {}, {"message": "no"}) if got.target == "/boards/b%2F3/issues" else jira(got)
    done = conn(jira_desk, "run", "jira:issues.list", "-a", "work")
    assert done.code == 4
    assert "403 from GET /boards/b%2F3/issues: no\n  at board b/3\n" in done.err


def test_a_dry_run_shows_where_it_begins(jira_desk, vendor):
    done = conn(jira_desk, "run", "jira:issues.list", "-a", "work", "--dry-run")
    assert done.code == 0
    assert "it starts with boards.list" in done.out
    assert vendor.arrived == []


def test_recorded_replayed_and_judged(jira_desk, vendor):
    kept = conn(jira_desk, "record", "contacts.list", "-a", "work", "--keep-personal-data")
    assert kept.code == 0, kept.err
    assert "5 exchanges" in kept.out
    vendor.arrived.clear()
    assert conn(jira_desk, "test", "contacts.list", "--connector", "jira", "--update").code == 0
    done = conn(jira_desk, "test", "contacts.list", "--connector", "jira")
    assert done.code == 0, done.out + done.err
    golden = json.loads((jira_desk / "connectors/jira/expected/crm.contacts.list.json").read_text())
    assert [record["first_name"] for record in golden["records"]] == ["One", "Three"]
    assert [request["url"] for request in golden["requests"]] == [
        "/boards", "/boards/b1/issues", "/boards/b2/issues", "/boards?after=p2", "/boards/b%2F3/issues",
    ]  # fmt: skip
    assert vendor.arrived == []


def test_lint_finds_nothing(jira_desk):
    done = conn(jira_desk, "lint", "connectors/jira")
    assert "EXP" not in done.out
    assert "REF" not in done.out
