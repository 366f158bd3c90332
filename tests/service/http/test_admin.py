"""What all routes of `/admin` have in common: who may use them, and the audit log."""

from typing import Any

import pytest
from service_bench import NOW, Bench, read_problem

from conn_service.revisions import AuditEntry, AuditLog
from conn_service.store import open_engine


@pytest.fixture
def log(bench: Bench) -> AuditLog:
    return AuditLog(open_engine(bench.location))


def write(log: AuditLog, count: int, account: str = "acme", tenant: str = "acme") -> None:
    for number in range(count):
        entry = AuditEntry(NOW, "0123456789ab", "create", f"links/{number}", account, tenant, "a reason")
        log.add(entry)


def test_only_the_scope_admin_opens_the_log(bench: Bench) -> None:
    assert bench.ask("GET", "/admin/audit", token="none").status_code == 401
    answer = bench.ask("GET", "/admin/audit", token=bench.issue("unified:read", "mcp"))
    assert (answer.status_code, answer.json()["detail"]) == (403, "the token does not have the scope admin")


def test_the_log_lists_the_newest_first_page_by_page(bench: Bench, log: AuditLog) -> None:
    write(log, 130)
    first: Any = bench.ask("GET", "/admin/audit").json()
    rest = bench.ask("GET", f"/admin/audit?cursor={first['next_cursor']}").json()
    targets = [entry["target"] for entry in (*first["result"], *rest["result"])]
    assert targets == [f"links/{number}" for number in reversed(range(130))]
    assert (len(first["result"]), rest["next_cursor"]) == (100, None)
    assert first["result"][0] | {"number": 0} == {
        "number": 0,
        "at": NOW,
        "by": "0123456789ab",
        "action": "create",
        "target": "links/129",
        "account": "acme",
        "tenant": "acme",
        "reason": "a reason",
        "before": None,
        "after": None,
    }
    one = bench.ask("GET", "/admin/audit?target=links/7").json()["result"]
    assert [entry["target"] for entry in one] == ["links/7"]


@pytest.mark.parametrize("bound", [{"accounts": ["globex"]}, {"accounts": [], "tenant": "globex"}])
def test_a_token_sees_the_entries_of_its_accounts(bench: Bench, log: AuditLog, bound: Any) -> None:
    write(log, 2)
    write(log, 1, "globex", "globex")
    token = bench.issue("admin", **bound)
    assert [entry["account"] for entry in bench.ask("GET", "/admin/audit", token=token).json()["result"]] == ["globex"]


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", "cursor=99999999999", "tenant=globex"])
def test_a_query_that_the_log_does_not_read_is_an_error(bench: Bench, query: str) -> None:
    answer = bench.ask("GET", f"/admin/audit?{query}")
    assert (answer.status_code, answer.json()["kind"]) == (400, "invalid_request")


def test_the_account_of_another_tenant_does_not_exist(bench: Bench) -> None:
    token = bench.issue("unified:read", accounts=[], tenant="globex")
    for account, status in (("globex", 200), ("acme", 404), ("nobody", 404)):
        answer = bench.ask("GET", "/unified/crm/contacts", token=token, headers={"conn-account": account})
        assert answer.status_code == status
    hidden = bench.ask("GET", "/unified/crm/contacts", token=token, headers={"conn-account": "acme"})
    unknown = bench.ask("GET", "/unified/crm/contacts", token=token, headers={"conn-account": "nobody"})
    assert read_problem(hidden) == read_problem(unknown)
