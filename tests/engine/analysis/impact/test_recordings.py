"""Each side of a change is run on its own recordings, so that a change that records again hides nothing."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from conn_cli.comparison_base import ImpactFailOn, choose_exit
from conn_cli.exits import Exit
from conn_cli.report import Sources
from conn_cli.report import impact as report
from conn_engine.analysis.impact import Impact, Unknown, impact
from conn_engine.analysis.impact.model import Work
from conn_engine.analysis.impact.report import ImpactReport
from conn_engine.config import load_workspace

UNANSWERED = "the recording has no response to the request"
RECORDS = ({"id": "1", "name": "Ada", "mail": "ada@x.example"}, {"id": "2", "name": "Bob", "mail": "bob@x.example"})
Change = Callable[["Shop"], None]


class Shop:
    """A workspace of one connector with one listing and one account."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, data: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data), encoding="utf-8")

    def connector(self, path: str = "/people", **more: Any) -> None:
        listing = {"method": "get", "path": path, "response_path": "items", **more}
        self.write(
            "connectors/shop/connector.yaml",
            {"base_url": "https://shop.example.com", "resources": {"people": {"list": listing}}},
        )

    def mapping(self, **fields: str) -> None:
        mapping = {"id": "response.id", **fields}
        self.write(
            "connectors/shop/unified/crm.yaml", {"resources": {"people": {"list": {"response_mapping": mapping}}}}
        )

    def record(self, path: str = "/people", records: Sequence[Any] = RECORDS, scenario: str = "") -> None:
        request = {"method": "GET", "url": f"https://shop.example.com{path}"}
        self.write(
            f"connectors/shop/recordings/crm.people.list{scenario and '.'}{scenario}.json",
            {
                "connector": "shop",
                "operation": "crm.people.list",
                "scenario": scenario or "default",
                "source": "sample",
                "recorded_at": "2026-01-01T00:00:00Z",
                "base_url": "https://shop.example.com",
                "exchanges": [{"request": request, "response": {"status": 200, "body": {"items": list(records)}}}],
            },
        )


@pytest.fixture
def compared(tmp_path: Path) -> Callable[[Change], Impact]:
    """The impact of a change to the shop."""

    def compare(change: Change) -> Impact:
        before = Shop(tmp_path / "before")
        before.write("conn.yaml", {"version": 1})
        before.write("accounts/acme.yaml", {"connector": "shop"})
        before.connector()
        before.mapping(name="response.name", email="response.mail")
        before.record()
        shutil.copytree(before.folder, tmp_path / "after")
        change(Shop(tmp_path / "after"))
        return impact(load_workspace(before.folder), load_workspace(tmp_path / "after"), processes=1)

    return compare


def lines(found: Impact) -> dict[tuple[str, str], int]:
    """Records by field and kind."""
    return {(row.field, row.kind): row.records for row in found.fields}


def test_a_field_that_is_lost_in_a_change_that_records_again_is_missing(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.connector("/v2/people")
        shop.mapping(name="response.name")
        shop.record("/v2/people")

    found = compared(change)
    assert lines(found) == {("email", "missing"): 2, ("url", "request_changed"): 1}
    assert (found.unknown, found.breaking, choose_exit(found, ImpactFailOn.BREAKING)) == ((), True, Exit.FINDINGS)


def test_what_the_vendor_answers_less_to_a_changed_request_is_missing(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.connector("/people?fields=id")
        shop.record("/people?fields=id", [{"id": "1"}])

    assert lines(compared(change)) == {
        ("", "missing"): 1,
        ("email", "missing"): 1,
        ("name", "missing"): 1,
        ("url", "request_changed"): 1,
    }


def test_a_change_that_nothing_answers_is_unknown_and_fails(compared: Callable[[Change], Impact]) -> None:
    found = compared(lambda shop: shop.connector("/v2/people"))
    assert lines(found) == {("url", "request_changed"): 1}
    assert found.unknown == (Unknown("crm.people.list", UNANSWERED, 1, breaking=True),)
    assert [account.breaking for account in found.accounts] == [True]
    assert {how: choose_exit(found, how) for how in ImpactFailOn} == {
        **dict.fromkeys(ImpactFailOn, Exit.FINDINGS),
        ImpactFailOn.NONE: Exit.OK,
    }
    assert "crm.people.list for 1 account: the recording has no response" in report.draw_text(found)
    assert ImpactReport.from_impact(found).breaking is True
    assert "**1 break**" in report.draw_markdown(found)
    assert "::error title=conn impact%3A unknown::crm.people.list" in report.draw_github(found, Sources())


def test_a_recording_that_is_only_made_again_is_no_change(compared: Callable[[Change], Impact]) -> None:
    found = compared(lambda shop: shop.record(records=[{"id": "7"}]))
    assert (found.fields, found.unknown, found.work) == ((), (), Work())


def test_of_other_records_the_fields_are_compared(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.connector("/v2/people")
        shop.mapping(name="$length(response.name)", email="response.mail", city="response.city")
        shop.record("/v2/people", [{"id": str(n), "name": "x", "city": "Rome"} for n in (7, 8, 9)])

    assert lines(compared(change)) == {
        ("city", "added"): 3,
        ("email", "missing"): 2,
        ("name", "type_changed"): 3,
        ("url", "request_changed"): 1,
    }


def test_a_scenario_that_is_new_needs_no_answer_of_before(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.connector("/v2/people")
        shop.record("/v2/people")
        shop.record("/v2/people", [], scenario="empty")

    found = compared(change)
    assert (found.unknown, found.breaking) == ((), False)


def test_the_only_recording_is_new_and_before_has_no_answer(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.connector("/v2/people")
        (shop.folder / "connectors/shop/recordings/crm.people.list.json").unlink()
        shop.record("/v2/people", scenario="other")

    found = compared(change)
    assert found.unknown == (Unknown("crm.people.list", UNANSWERED, 1, breaking=True),)


def test_a_recording_that_the_change_takes_away_hides_nothing(compared: Callable[[Change], Impact]) -> None:
    def change(shop: Shop) -> None:
        shop.mapping(name="response.name")
        (shop.folder / "connectors/shop/recordings/crm.people.list.json").unlink()

    assert lines(compared(change)) == {("email", "missing"): 2}
