"""What a change can alter, apart from records: pages, verdicts, errors, credentials, values, and what is refused."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conn_engine.analysis.impact import Impact, Unknown, impact
from conn_engine.config import load_workspace

URL = "https://shop.example.com"
Files = dict[str, Any]
Edit = Callable[[Files], None]
CONNECTOR = "connectors/shop/connector.yaml"
UNIFIED = "connectors/shop/unified/crm.yaml"
XML = '<?xml version="1.0" encoding="UTF-8"?>'
PEOPLE = [{"id": "1", "name": "Ada", "at": "2026-01-01T00:00:00Z", "on": "2026-01-02T00:00:00Z"}]


def recording(operation: str, request: dict[str, Any], response: dict[str, Any], call: dict[str, Any]) -> Any:
    return {
        "connector": "shop",
        "operation": operation,
        "source": "sample",
        "recorded_at": "2026-01-03T00:00:00Z",
        "base_url": URL,
        "call": call,
        "exchanges": [{"request": request, "response": response}],
    }


FILES: Files = {
    "conn.yaml": {"version": 1},
    "accounts/acme.yaml": {"connector": "shop", "context": {"region": "eu"}},
    "accounts/bolt.yaml": {"connector": "shop"},
    CONNECTOR: {
        "base_url": URL,
        "credentials": {"format": "api_key"},
        "authorization": {"format": "header", "config": {"name": "X-Key"}},
        "resources": {
            "people": {
                "list": {"method": "get", "path": "/people", "response_path": "items"},
                "create": {"method": "post", "path": "/people", "body_format": "xml"},
                "purge": {"method": "post", "path": "/people/purge"},
            }
        },
    },
    UNIFIED: {
        "resources": {
            "people": {
                "list": {
                    "response_mapping": {"id": "response.id", "name": "response.name"},
                    "error_mapping": {"details": {"code": "response.code", "why": "response.why"}},
                },
                "create": {
                    "request_body_mapping": {"person": {"first": "body.first", "last": "body.last"}},
                    "response_mapping": {"id": "response.id"},
                },
            }
        }
    },
    "connectors/shop/recordings/crm.people.list.json": recording(
        "crm.people.list",
        {"method": "GET", "url": f"{URL}/people"},
        {"status": 200, "headers": {"x-total": "3"}, "body": {"items": PEOPLE, "total": 3}},
        {},
    ),
    "connectors/shop/recordings/crm.people.list.limited.json": recording(
        "crm.people.list",
        {"method": "GET", "url": f"{URL}/people"},
        {"status": 429, "headers": {"x-wait": "30", "retry-after": "7"}, "body": {"code": "slow", "why": "many"}},
        {},
    ),
    "connectors/shop/recordings/crm.people.create.json": recording(
        "crm.people.create",
        {"method": "POST", "url": f"{URL}/people", "text": f"{XML}<person><first>A</first><last>B</last></person>"},
        {"status": 201, "body": {"id": "1"}},
        {"body": {"first": "A", "last": "B"}},
    ),
}


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., Impact]:
    """The impact of an edit of the files; `first` edits them on both sides."""

    def compare(edit: Edit, first: Edit = lambda files: None) -> Impact:
        before = copy.deepcopy(FILES)
        first(before)
        after = copy.deepcopy(before)
        edit(after)
        for side, files in (("before", before), ("after", after)):
            for name, data in files.items():
                path = tmp_path / side / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(data), encoding="utf-8")
        return impact(load_workspace(tmp_path / "before"), load_workspace(tmp_path / "after"), processes=1)

    return compare


def lines(found: Impact) -> dict[tuple[str, str, str], tuple[int, bool]]:
    """Accounts, and whether it breaks, by operation, field and kind."""
    return {(row.operation, row.field, row.kind): (row.accounts, row.breaking) for row in found.fields}


def listing(files: Files) -> dict[str, Any]:
    return files[UNIFIED]["resources"]["people"]["list"]


def vendor(files: Files, method: str = "list") -> dict[str, Any]:
    return files[CONNECTOR]["resources"]["people"][method]


def test_nothing_is_found_without_a_change(compared: Callable[..., Impact]) -> None:
    assert lines(compared(lambda files: None)) == {}


def test_a_field_that_now_fails_breaks(compared: Callable[..., Impact]) -> None:
    def fail(files: Files) -> None:
        listing(files)["response_mapping"]["name"] = "$number(response.name)"

    found = compared(fail)
    assert lines(found) == {("crm.people.list", "name", "now_failing"): (2, True)}
    assert [row.records for row in found.fields] == [2]
    mended = compared(lambda files: listing(files)["response_mapping"].update(name="response.name"), fail)
    assert lines(mended) == {("crm.people.list", "name", "added"): (2, False)}


@pytest.mark.parametrize("place", ["people", "list"])
def test_a_field_that_must_no_longer_fail_breaks(compared: Callable[..., Impact], place: str) -> None:
    def fail(files: Files) -> None:
        listing(files)["response_mapping"]["name"] = "$number(response.name)"

    def forbid(files: Files) -> None:
        people = files[UNIFIED]["resources"]["people"]
        (people if place == "people" else people["list"])["on_error"] = {"name": "fail"}

    assert lines(compared(forbid, fail))["crm.people.list", "", "now_failing"] == (2, True)


def test_a_field_that_is_empty_because_of_null_is_only_missing(compared: Callable[..., Impact]) -> None:
    def empty(files: Files) -> None:
        listing(files)["response_mapping"]["name"] = "$number(null)"

    assert lines(compared(empty)) == {("crm.people.list", "name", "missing"): (2, True)}


@pytest.mark.parametrize("place", [UNIFIED, CONNECTOR])
def test_a_disabled_operation_breaks_and_an_enabled_one_does_not(compared: Callable[..., Impact], place: str) -> None:
    def disable(files: Files) -> None:
        files[place]["resources"]["people"]["list"]["enabled"] = False

    def enable(files: Files) -> None:
        files[place]["resources"]["people"]["list"]["enabled"] = True

    assert lines(compared(disable)) == {("crm.people.list", "", "operation_missing"): (2, True)}
    assert lines(compared(enable, disable)) == {("crm.people.list", "", "operation_added"): (2, False)}


def test_an_account_that_disables_its_operation_breaks(compared: Callable[..., Impact]) -> None:
    def disable(files: Files) -> None:
        files["accounts/acme.yaml"]["override"] = {"unified": {"crm": {"people": {"list": {"enabled": False}}}}}

    assert lines(compared(disable)) == {("crm.people.list", "", "operation_missing"): (1, True)}


def test_headers_of_pages(compared: Callable[..., Impact]) -> None:
    def mapped(files: Files) -> None:
        listing(files)["response_header_mapping"] = {"X-All": "headers.`x-total`"}

    assert lines(compared(lambda files: listing(files).pop("response_header_mapping"), mapped)) == {
        ("crm.people.list", "page.headers.X-All", "missing"): (2, True)
    }


def test_the_state_of_an_incremental_listing(compared: Callable[..., Impact]) -> None:
    def incremental(files: Files, field: str = "at") -> None:
        vendor(files)["incremental"] = {"format": "datetime", "config": {"record_cursor": field}}

    assert lines(compared(lambda files: incremental(files, "on"), incremental)) == {
        ("crm.people.list", "page.state", "value_changed"): (2, False)
    }
    assert lines(compared(lambda files: vendor(files).pop("incremental"), incremental)) == {
        ("crm.people.list", "page.state", "missing"): (2, True)
    }


@pytest.mark.parametrize(("complete", "line"), [("error", ("now_failing", True)), ("warn", ("value_changed", False))])
def test_a_listing_that_is_no_longer_complete(
    complete: str, line: tuple[str, bool], compared: Callable[..., Impact]
) -> None:
    def paged(files: Files, **config: str) -> None:
        vendor(files)["complete"] = complete
        vendor(files)["pagination"] = {
            "format": "cursor",
            "config": {"cursor_field": "next", "cursor_param": "after", **config},
        }

    found = compared(lambda files: paged(files, total_field="total"), paged)
    assert lines(found)["crm.people.list", "completeness", line[0]] == (2, line[1])


def test_details_of_errors(compared: Callable[..., Impact]) -> None:
    def edit(files: Files) -> None:
        listing(files)["error_mapping"]["details"] = {"code": "$uppercase(response.code)"}

    assert lines(compared(edit)) == {
        ("crm.people.list", "error.details.code", "value_changed"): (2, False),
        ("crm.people.list", "error.details.why", "missing"): (2, True),
    }


def test_when_a_refused_request_may_be_repeated(compared: Callable[..., Impact]) -> None:
    def edit(files: Files) -> None:
        files[CONNECTOR]["rate_limit"] = {"retry_after": "headers.`x-wait`"}

    assert ("crm.people.list", "error.retry_after", "value_changed") in lines(compared(edit))


def test_the_order_of_xml_elements(compared: Callable[..., Impact]) -> None:
    def edit(files: Files) -> None:
        create = files[UNIFIED]["resources"]["people"]["create"]
        create["request_body_mapping"] = {"person": {"last": "body.last", "first": "body.first"}}

    assert lines(compared(edit))["crm.people.create", "body", "request_changed"] == (2, True)


def test_an_operation_of_the_vendor_that_nothing_shows(compared: Callable[..., Impact]) -> None:
    found = compared(lambda files: vendor(files, "purge").update(path="/people/purge-all"))
    assert found.unknown == (Unknown("people.purge", "no recording", 2),)
    assert {account.status for account in found.accounts} == {"unknown"}
    gone = compared(lambda files: files[CONNECTOR]["resources"]["people"].pop("purge"))
    assert lines(gone) == {("people.purge", "", "operation_missing"): (2, True)}


def test_an_operation_of_the_vendor_that_unified_ones_show_is_known_through_them(
    compared: Callable[..., Impact],
) -> None:
    found = compared(lambda files: vendor(files).update(path="/v2/people"))
    assert {row.operation for row in found.unknown} == {"crm.people.list"}


def test_a_unified_operation_that_nothing_shows_and_that_leads_elsewhere(compared: Callable[..., Impact]) -> None:
    def first(files: Files) -> None:
        files[UNIFIED]["resources"]["people"]["delete"] = {"method": "purge"}

    def edit(files: Files) -> None:
        files[UNIFIED]["resources"]["people"]["delete"] = {"method": "create"}

    assert compared(edit, first).unknown == (Unknown("crm.people.delete", "no recording", 2),)


def test_a_request_that_would_be_refused(compared: Callable[..., Impact]) -> None:
    found = compared(lambda files: files[CONNECTOR].update(hosts=["other.example.com"]))
    assert lines(found) == {
        ("crm.people.create", "", "now_failing"): (2, True),
        ("crm.people.list", "", "error_changed"): (2, False),
        ("crm.people.list", "", "now_failing"): (2, True),
    }
    inside = compared(lambda files: files[CONNECTOR].update(base_url="http://10.0.0.1"))
    assert lines(inside)["crm.people.create", "", "now_failing"] == (2, True)


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        (lambda c: c.update(credentials={"format": "basic"}), "credentials"),
        (lambda c: c["credentials"].update(config={"ask": [{"name": "tenant"}]}), "credentials"),
        (lambda c: c.update(fields=[{"name": "tenant", "secret": True}]), "credentials"),
        (lambda c: c["authorization"]["config"].update(name="X-Other"), "authorization"),
        (lambda c: c["authorization"]["config"].update(value="Key {{api_key}}"), "authorization"),
        (lambda c: c.update(authorization={"format": "query", "config": {"name": "key"}}), "authorization"),
    ],
)
def test_a_stored_credential_that_no_longer_fits(
    edit: Callable[[dict[str, Any]], None], part: str, compared: Callable[..., Impact]
) -> None:
    found = compared(lambda files: edit(files[CONNECTOR]))
    assert lines(found)["", part, "credential_changed"] == (2, True)


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: c["credentials"].update(config={"ask": [{"name": "tenant", "required": False}]}),
        lambda c: c["authorization"]["config"].update(name="x-key"),
        lambda c: c.update(fields=[{"name": "tenant", "secret": True, "required": False}]),
    ],
)
def test_a_stored_credential_that_still_fits(
    edit: Callable[[dict[str, Any]], None], compared: Callable[..., Impact]
) -> None:
    assert lines(compared(lambda files: edit(files[CONNECTOR]))) == {}


def test_a_value_that_is_required_now_and_that_an_account_lacks(compared: Callable[..., Impact]) -> None:
    found = compared(lambda files: files[CONNECTOR].update(fields=[{"name": "region"}]))
    assert lines(found) == {("", "context.region", "now_failing"): (1, True)}
    assert {account.name: account.breaking for account in found.accounts} == {"acme": False, "bolt": True}
    assert lines(compared(lambda files: files[CONNECTOR].update(fields=[{"name": "region", "default": "us"}]))) == {}
