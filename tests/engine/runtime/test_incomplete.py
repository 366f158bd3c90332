"""What the library does about a listing that lacks records: `records` raises at its end, `list` and `pages` report."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from conn_engine import IncompleteError
from conn_engine.errors import ConnError
from conn_engine.runtime.connection import AsyncConnection, Connection
from conn_engine.runtime.wiring import wire_account
from conn_engine.secrets.vault.memory import MemoryVault
from conn_engine.transport.faults import Faults, json_answer

PAGES = [
    {"items": [{"id": 1}, {"id": 2}], "next": "a", "total": 5},
    {"items": [{"id": 3}], "next": None, "total": 5},
]
CONNECTOR = """\
base_url: https://api.example.com/v1
credentials: { format: bearer }
authorization: { format: bearer }
resources:
  people:
    list:
      method: get
      path: /people
      response_path: items
      pagination: { format: cursor, config: { cursor_field: next, cursor_param: after, total_field: total } }
"""
CRM = "resources: { contacts: { list: { resource: people, response_mapping: { id: $string(response.id) } } } }\n"


class Both(Faults):
    """Scripted answers, also for an event loop."""

    async def asend(self, request: Any) -> Any:
        return self.send(request)


@pytest.fixture
def connection(make: Callable[..., Any]) -> Callable[..., Connection]:
    """`connection(answers…, complete=…)`: an account whose vendor answers so."""

    def go(*answers: Any, complete: str = "", kind: Any = Connection) -> Any:
        connector = CONNECTOR + (f"      complete: {complete}\n" if complete else "")
        files = {"connectors/shop/connector.yaml": connector, "connectors/shop/unified/crm.yaml": CRM}
        vault = MemoryVault({"acme": {"token": "t-of-acme"}})
        wiring = wire_account(make(files), "acme", environ={}, vault=vault)
        return kind(wiring, Both(json_answer(answer) for answer in answers))

    return go


def collect(records: Any) -> tuple[list[str], IncompleteError]:
    """The ids that came, and the error after them."""
    came: list[str] = []
    with pytest.raises(IncompleteError) as raised:
        for record in records:
            came.append(record["id"])
    return came, raised.value


def test_records_are_given_before_the_error(connection: Any) -> None:
    came, error = collect(connection(*PAGES).records("contacts.list"))
    assert came == ["1", "2", "3"]
    assert isinstance(error, ConnError)
    assert error.message == "people.list is incomplete: 3 of 5 records arrived"
    assert (error.count, error.verdict.state, error.exit_code) == (3, "incomplete", 1)
    assert "`complete: warn`" in error.hint
    [finding] = error.findings
    assert finding.span is not None
    assert (finding.code, finding.span.line) == ("PAG110", 10)


def test_asynchronous_records_too(connection: Any) -> None:
    account: AsyncConnection = connection(*PAGES, kind=AsyncConnection)
    came: list[str] = []

    async def read() -> None:
        async for record in account.records("contacts.list"):
            came.append(record["id"])

    with pytest.raises(IncompleteError):
        asyncio.run(read())
    assert came == ["1", "2", "3"]


@pytest.mark.parametrize(("complete", "logged"), [("warn", 1), ("ignore", 0)])
def test_the_policy_decides(connection: Any, caplog: pytest.LogCaptureFixture, complete: str, logged: int) -> None:
    with caplog.at_level(logging.INFO, logger="conn_engine"):
        assert len(list(connection(*PAGES, complete=complete).records("contacts.list"))) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "contacts.list: the listing is incomplete: 3 of 5 records arrived"
    ] * logged


def test_an_unknown_end_is_logged_without_control_characters(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert len(list(connection({"items": [{"id": 1}], "\x1b[2Jnxt": "a"}).records("contacts.list"))) == 1
    [record] = caplog.records
    assert (record.name, record.levelname) == ("conn_engine", "WARNING")
    assert record.getMessage().startswith('contacts.list: the listing may be incomplete: `cursor_field` "next" is in')
    assert "\x1b" not in record.getMessage()


def test_a_listing_that_the_caller_leaves_raises_nothing(connection: Any) -> None:
    records = connection(*PAGES).records("contacts.list")
    assert next(records)["id"] == "1"
    records.close()


def test_a_complete_listing_reports_nothing(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    whole = [{**page, "total": 3} for page in PAGES]
    assert len(list(connection(*whole).records("contacts.list"))) == 3
    assert "completeness" not in connection({**whole[1], "total": 1}).list("contacts.list")
    assert caplog.records == []


def test_list_gives_its_page_and_the_verdict(connection: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert "completeness" not in connection(PAGES[0]).list("contacts.list")
    expected = {"state": "incomplete", "reason": "1 of 5 records arrived"}
    last = connection(PAGES[1]).list("contacts.list")
    assert (last["result"], last["completeness"]) == ([{"id": "3"}], expected)
    assert len(caplog.records) == 1
    account: AsyncConnection = connection(PAGES[1], kind=AsyncConnection)
    assert asyncio.run(account.list("contacts.list"))["completeness"] == expected
