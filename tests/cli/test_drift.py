"""`conn drift` against a vendor on loopback that has changed since it was recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from transcript import Run, conn

SECRET = "MARKER-value"
BEFORE = {"items": [{"id": n, "name": f"n{n}", "kind": "a", "old": 1} for n in range(1, 5)], "next": None}
AFTER = {"items": [{"id": n, "title": f"{SECRET}{n}", "kind": 7, "extra": SECRET} for n in range(1, 5)], "next": None}
OPENAPI = {
    "openapi": "3.0.0", "info": {"title": "Shop", "version": "2"},
    "servers": [{"url": "https://shop.example/v1"}],
    "paths": {
        "/things": {"get": {"deprecated": True, "responses": {"200": {"content": {"application/json": {"schema": {
            "type": "object", "properties": {"items": {"type": "array", "items": {"type": "object", "properties": {
                "id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"type": "string"},
            }}}, "next": {"type": "string", "nullable": True}},
        }}}}}}},
    },
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, vendor: Any) -> Path:
    """A workspace with two accounts, one of which overrides a field; recorded before the vendor changed."""
    base = f"{vendor.url}/v1"
    recording = {
        "format": 1, "connector": "shop", "operation": "m.things.list", "source": "live",
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": base,
        "exchanges": [{"request": {"method": "GET", "url": f"{base}/things"},
                       "response": {"status": 200, "body": BEFORE}}],
    }  # fmt: skip
    listing = {"method": "get", "path": "/things", "response_path": "items"}
    creating = {"method": "post", "path": "/things"}
    mapping = {"id": "$string(response.id)", "name": "response.name", "all": "$keys(response)"}
    override = {"unified": {"m": {"things": {"list": {"response_mapping": {"sort": "response.kind"}}}}}}
    files: dict[str, Any] = {
        "conn.yaml": {"version": 1, "trusted_hosts": ["127.0.0.0/8"]},
        "connectors/shop/connector.yaml": {
            "base_url": base,
            "pagination": {"format": "cursor", "config": {"cursor_field": "next"}},
            "resources": {"things": {"list": listing, "create": creating}},
        },
        "connectors/shop/unified/m.yaml": {
            "resources": {"things": {"list": {"response_mapping": mapping}, "create": {"response_mapping": mapping}}}
        },
        "connectors/shop/recordings/m.things.list.json": recording,
        "connectors/shop/recordings/m.things.create.json": {
            **recording, "operation": "m.things.create", "exchanges": [{
                "request": {"method": "POST", "url": f"{base}/things"}, "response": {"status": 201, "body": {"id": 1}},
            }],
        },
        "accounts/acme.yaml": {"connector": "shop", "override": override},
        "accounts/bolt.yaml": {"connector": "shop"},
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    vendor.answer = lambda got: (200, {}, AFTER)
    return tmp_path


def findings(done: Run) -> dict[tuple[str, str], tuple[str, int, list[str]]]:
    data = json.loads(done.out)
    return {
        (row["path"], row["kind"]): (row["tier"], row["accounts"], sorted({r["level"] for r in row["readers"]}))
        for row in data["differences"]
    }


def test_live_drift_is_joined_with_who_reads_what_changed(shop: Path, vendor: Any) -> None:
    done = conn(shop, "drift", "--account", "acme", "--format", "json")
    assert done.code == 1, done.err
    assert findings(done) == {
        ("items.name", "gone"): ("breaks", 1, ["base"]),
        ("items.kind", "retyped"): ("breaks", 1, ["account"]),
        ("items.old", "gone"): ("touches", 1, ["base"]),  # $keys(response) reads the whole record
        ("items.title", "added"): ("touches", 1, ["base"]),
        ("items.extra", "added"): ("touches", 1, ["base"]),
    }
    assert [got.method for got in vendor.arrived] == ["GET"]
    assert {"operation": "m.things.create", "reason": "it may write data"} in json.loads(done.out)["not_compared"]


def test_every_format_holds_no_value_of_an_answer(shop: Path) -> None:
    for name in ("text", "json", "markdown", "github"):
        done = conn(shop, "drift", "--account", "acme", "--format", name, "--verbose")
        assert "items.name" in done.out and SECRET not in done.out + done.err


def test_the_whole_population_is_named_for_newer_recordings(shop: Path) -> None:
    newer = json.loads((shop / "connectors/shop/recordings/m.things.list.json").read_text())
    newer["exchanges"][0]["response"]["body"] = AFTER
    (shop / "newer.json").write_text(json.dumps(newer))
    done = conn(shop, "drift", "--recordings", "newer.json", "--format", "json")
    assert findings(done)["items.name", "gone"] == ("breaks", 2, ["base"])
    assert findings(done)["items.kind", "retyped"] == ("breaks", 1, ["account"])


def test_a_document_tells_what_it_does_not_describe_and_deprecates(shop: Path) -> None:
    (shop / "new.json").write_text(json.dumps(OPENAPI))
    done = conn(shop, "drift", "--openapi", "new.json", "--format", "json")
    assert findings(done) == {
        ("", "endpoint_deprecated"): ("touches", 2, ["account", "base"]),
        ("items.old", "gone"): ("touches", 2, ["base"]),
    }
    assert done.code == 0
    assert conn(shop, "drift", "--openapi", "new.json", "--fail-on", "touches").code == 1


def test_two_documents_tell_of_an_endpoint_that_is_gone(shop: Path) -> None:
    (shop / "old.json").write_text(json.dumps(OPENAPI))
    gone = {**OPENAPI, "paths": {"/others": OPENAPI["paths"]["/things"]}}  # type: ignore[index]
    (shop / "new.json").write_text(json.dumps(gone))
    done = conn(shop, "drift", "--openapi", "new.json", "--from", "old.json", "--format", "json")
    assert findings(done) == {("", "endpoint_gone"): ("breaks", 2, ["account", "base"])}


def test_a_vendor_that_refuses_is_told(shop: Path, vendor: Any) -> None:
    vendor.answer = lambda got: (410, {}, {"message": "gone"})
    done = conn(shop, "drift", "--account", "bolt", "--format", "json")
    assert findings(done)["", "endpoint_gone"][0] == "breaks"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to compare with"),
        (("--recordings", "a", "--openapi", "b"), "cannot be used together"),
        (("--openapi", "conn.yaml"), "is not in a format that can be imported"),
        (("--openapi", "nowhere.json"), "is not a file"),
        (("--recordings", "nowhere"), "has no recordings"),
        (("--account", "acme", "--from", "old.json"), "--from requires --openapi"),
    ],
)
def test_what_cannot_be_compared_is_said(shop: Path, arguments: tuple[str, ...], said: str) -> None:
    done = conn(shop, "drift", *arguments)
    assert done.code in (2, 3) and said in done.err


def test_a_mapping_that_fails_on_todays_answers_is_no_reason_to_quote_them(shop: Path, vendor: Any) -> None:
    account = {"connector": "shop", "override": {"unified": {"m": {"things": {"list": {"response_mapping": {
        "rank": "$number(response.title ? response.title : response.name)"}}}}}}}  # fmt: skip
    (shop / "accounts/acme.yaml").write_text(json.dumps(account), encoding="utf-8")
    done = conn(shop, "drift", "--account", "acme", "--format", "json")
    assert findings(done)["items.name", "gone"] == ("breaks", 1, ["account", "base"])
    assert [row["operation"] for row in json.loads(done.out)["not_compared"]] == ["m.things.create", "things.create"]
    assert SECRET not in done.out + done.err


def test_an_operation_that_cannot_be_asked_leaves_the_others(shop: Path, vendor: Any) -> None:
    connector = json.loads((shop / "connectors/shop/connector.yaml").read_text())
    connector["resources"]["rest"] = {"list": {"method": "get", "path": "/rest/{{context.region}}"}}
    (shop / "connectors/shop/connector.yaml").write_text(json.dumps(connector))
    recording = json.loads((shop / "connectors/shop/recordings/m.things.list.json").read_text())
    recording |= {"operation": "rest.list", "context": {"region": "eu"}}
    (shop / "connectors/shop/recordings/rest.list.json").write_text(json.dumps(recording))
    done = conn(shop, "drift", "--account", "acme", "--format", "json")
    assert findings(done)["items.name", "gone"] == ("breaks", 1, ["base"])
    reasons = {row["operation"]: row["reason"] for row in json.loads(done.out)["not_compared"]}
    assert "region" in reasons["rest.list"]


def test_nothing_compared_is_no_success(shop: Path) -> None:
    other = json.loads((shop / "connectors/shop/recordings/m.things.list.json").read_text())
    other["exchanges"][0]["request"]["url"] = "https://other.example/elsewhere"
    (shop / "newer.json").write_text(json.dumps(other))
    done = conn(shop, "drift", "--recordings", "newer.json")
    assert done.code == 2 and "nothing could be compared" in done.err
    assert "not compared: things.list: no newer response" in done.out


def test_pagination_is_read_by_whoever_inherits_it(shop: Path) -> None:
    """The cursor is the connector's; an environment and an operation only say the size of a page."""
    path = shop / "connectors/shop/connector.yaml"
    connector = json.loads(path.read_text())
    connector["resources"]["things"]["list"]["pagination"] = {"config": {"size_param": "limit", "size": 50}}
    path.write_text(json.dumps(connector))
    size = {"resources": {"things": {"list": {"pagination": {"config": {"size": 10}}}}}}
    (shop / "environments").mkdir()
    (shop / "environments/sandbox.yaml").write_text(json.dumps({"connectors": {"shop": size}}))
    (shop / "accounts/bolt.yaml").write_text(json.dumps({"connector": "shop", "environment": "sandbox"}))
    newer = json.loads((shop / "connectors/shop/recordings/m.things.list.json").read_text())
    newer["exchanges"][0]["response"]["body"] = {"items": BEFORE["items"], "cursor": None}
    (shop / "newer.json").write_text(json.dumps(newer))
    done = conn(shop, "drift", "--recordings", "newer.json", "--format", "json")
    assert findings(done)["next", "gone"] == ("breaks", 2, ["base"])


def test_a_reader_is_named_once(shop: Path) -> None:
    mapping = {"id": "$string(response.id)", "name": "response.name & response.kind"}
    unified = {"resources": {"things": {"list": {"response_mapping": mapping}}}}
    (shop / "connectors/shop/unified/m.yaml").write_text(json.dumps(unified))
    (shop / "new.json").write_text(json.dumps(OPENAPI))
    done = conn(shop, "drift", "--openapi", "new.json", "--format", "json")
    (deprecated,) = (row for row in json.loads(done.out)["differences"] if row["kind"] == "endpoint_deprecated")
    assert [row["reads"] for row in deprecated["readers"]].count("m.things.list name") == 1


@pytest.mark.parametrize("transform", [None, "response.items[0].old"])
def test_a_step_reads_the_answer_of_its_request(shop: Path, transform: str | None) -> None:
    step: dict[str, Any] = {"name": "found", "request": {"resource": "things", "method": "list"}}
    read = "{{before.found}}" if transform else "{{before.found.items[0].old}}"
    if transform:
        step["transform"] = transform
    creating = {"before": [step], "query_mapping": {"like": read.strip("{}")}}
    override = {"unified": {"m": {"things": {"create": creating}}}}
    (shop / "accounts/bolt.yaml").write_text(json.dumps({"connector": "shop", "override": override}))
    unified = {"resources": {"things": {
        "list": {"response_mapping": {"id": "$string(response.id)"}}, "create": {"response_mapping": {}}}}}  # fmt: skip
    (shop / "connectors/shop/unified/m.yaml").write_text(json.dumps(unified))
    newer = json.loads((shop / "connectors/shop/recordings/m.things.list.json").read_text())
    newer["exchanges"][0]["response"]["body"] = AFTER
    (shop / "newer.json").write_text(json.dumps(newer))
    done = conn(shop, "drift", "--recordings", "newer.json", "--format", "json")
    assert findings(done)["items.old", "gone"] == ("breaks", 1, ["account"])
    assert findings(done)["items.name", "gone"][0] == "noise"


def test_an_object_keyed_by_data_is_one_form(shop: Path) -> None:
    path = shop / "connectors/shop/recordings/m.things.list.json"
    recording = json.loads(path.read_text())
    recording["exchanges"][0]["response"]["body"]["by"] = {"ada@example.com": {"age": 1}, "bo@example.com": {"age": 2}}
    path.write_text(json.dumps(recording))
    recording["exchanges"][0]["response"]["body"]["by"] = {"cy@example.com": {"old": 1}}
    (shop / "newer.json").write_text(json.dumps(recording))
    done = conn(shop, "drift", "--recordings", "newer.json", "--format", "json")
    assert {key: row[0] for key, row in findings(done).items()} == {
        ("by.*.age", "gone"): "noise",
        ("by.*.old", "added"): "noise",
    }
    assert "example.com" not in done.out


PAGING: dict[str, Any] = {
    "pagination": {"format": "cursor", "config": {"cursor_field": "next", "total_field": "count"}},
    "rate_limit": {"windows": [{"remaining": "X-Left", "limit": 100}]},
    "errors": [{"when": "status = 422 and headers.`x-why`", "then": {"fail": {"message": "body.problem.text"}}}],
}


@pytest.fixture
def paged(shop: Path) -> Path:
    """The shop with all that a connector reads of a response apart from records: two pages and an error."""
    path = shop / "connectors/shop/connector.yaml"
    path.write_text(json.dumps({**json.loads(path.read_text()), **PAGING}))
    base = json.loads(path.read_text())["base_url"]
    items = BEFORE["items"]
    pages = [
        (200, {"X-Left": "9", "Date": "today"}, {"items": items, "count": 8, "next": "two"}),
        (200, {"X-Left": "8", "Date": "today"}, {"items": items, "count": 8}),
        (422, {"X-Why": "it"}, {"problem": {"text": "no", "code": 1}}),
    ]
    write_recording(shop / "connectors/shop/recordings/m.things.list.json", base, pages)
    return shop


def write_recording(path: Path, base: str, pages: list[tuple[int, dict[str, str], Any]]) -> None:
    exchanges = [
        {
            "request": {"method": "GET", "url": f"{base}/things"},
            "response": {"status": status, "headers": headers, "body": body},
        }
        for status, headers, body in pages
    ]
    recording = {
        "format": 1, "connector": "shop", "operation": "m.things.list", "source": "live",
        "recorded_at": "2026-01-01T00:00:00Z", "base_url": base, "exchanges": exchanges,
    }  # fmt: skip
    path.write_text(json.dumps(recording), encoding="utf-8")


@pytest.mark.parametrize(
    ("headers", "body", "error", "gone"),
    [
        ({"X-Left": "7"}, {"count": 4, "next": None}, None, {}),
        ({"X-Left": "7"}, {"count": 4}, None, {"next": "breaks"}),  # it was in one of two pages, and is in none
        ({"X-Left": "7"}, {"next": None}, None, {"count": "breaks"}),
        ({"Date": "today"}, {"count": 4, "next": None}, None, {"$headers.x-left": "breaks"}),
        ({}, {"count": 4, "next": None}, None, {}),  # no header was recorded
        ({"X-Left": "7"}, {"count": 4, "next": None}, {"problem": {"code": 1}}, {"$error.problem.text": "breaks"}),
        ({"X-Left": "7"}, {"count": 4, "next": None}, {"problem": {"text": "no"}}, {}),  # nobody reads the code
        (
            {"X-Left": "7"},
            {"count": 4, "next": None},
            {"header": "Date", "problem": {"text": "no"}},
            {"$error.$headers.x-why": "breaks"},
        ),
    ],
)
def test_what_the_connector_needs_of_an_answer_breaks_when_it_is_gone(
    paged: Path, headers: dict[str, str], body: Any, error: Any, gone: dict[str, str]
) -> None:
    base = json.loads((paged / "connectors/shop/connector.yaml").read_text())["base_url"]
    pages: list[tuple[int, dict[str, str], Any]] = [(200, headers, {"items": BEFORE["items"], **body})]
    write_recording(
        paged / "newer.json", base, [*pages, *([(422, {error.pop("header", "X-Why"): "now"}, error)] if error else [])]
    )
    done = conn(paged, "drift", "--recordings", "newer.json", "--format", "json")
    rows = {row["path"]: row["tier"] for row in json.loads(done.out)["differences"] if row["kind"] == "gone"}
    assert rows == gone
    assert done.code == (1 if gone else 0)


def test_the_default_header_of_links_is_needed(paged: Path) -> None:
    path = paged / "connectors/shop/connector.yaml"
    connector = {**json.loads(path.read_text()), "pagination": {"format": "link_header"}}
    path.write_text(json.dumps(connector))
    base, body = connector["base_url"], {"items": BEFORE["items"]}
    link = {"Link": f'<{base}/things?page=2>; rel="next"', "Date": "today"}
    write_recording(paged / "connectors/shop/recordings/m.things.list.json", base, [(200, link, body)])
    write_recording(paged / "newer.json", base, [(200, {"Date": "today"}, body)])
    done = conn(paged, "drift", "--recordings", "newer.json", "--format", "json")
    (row,) = (row for row in json.loads(done.out)["differences"] if "link" in row["path"])
    assert row["tier"] == "breaks" and row["readers"][0]["reads"] == "things.list pagination link_from_header"


def test_what_the_vendor_announces_in_headers_is_drift_a_note_and_recorded(shop: Path, vendor: Any) -> None:
    announced = {"Deprecation": "@1688169599", "Sunset": "Wed, 11 Nov 2026 23:59:59 GMT",
                 "Warning": '299 - "Use v2 instead"'}  # fmt: skip
    vendor.answer = lambda got: (200, announced, BEFORE)
    done = conn(shop, "drift", "--account", "acme", "--format", "json")
    assert findings(done) == {("", "endpoint_deprecated"): ("touches", 1, ["account", "base"])}
    (row,) = json.loads(done.out)["differences"]
    assert row["detail"] == "deprecated since 2023-06-30; requests may be refused from 2026-11-11; warning 299"
    assert "Use v2" not in done.out
    ran = conn(shop, "run", "things.list", "--account", "acme")
    told = "the vendor announces for things.list: deprecated since 2023-06-30, requests may be refused from 2026-11-11"
    assert f"{told}, warning 299 (Use v2 instead)" in ran.err and ran.code == 0
    kept = conn(shop, "record", "m.things.list", "--account", "acme", "--scenario", "announced")
    assert told in kept.err, kept.err
    (path,) = (shop / "connectors/shop/recordings").rglob("*announced.json")
    headers = json.loads(path.read_text())["exchanges"][0]["response"]["headers"]
    assert {"deprecation", "sunset", "warning"} <= {name.lower() for name in headers}
    (shop / "connectors/shop/recordings/m.things.list.json").unlink()  # what is recorded is known
    again = conn(shop, "drift", "--account", "acme", "--format", "json")
    assert ("", "endpoint_deprecated") not in findings(again)


def test_what_asks_for_a_job_is_needed_of_the_answer_that_starts_it(shop: Path) -> None:
    path = shop / "connectors/shop/connector.yaml"
    connector = json.loads(path.read_text())
    poll = {"path": "/exports/{{job.created.body.key}}", "status": "body.state", "done": ["completed"]}
    job = {"poll": poll, "download": {"url": "job.created.body.links.file"}}
    connector["resources"]["exports"] = {"list": {"method": "post", "path": "/exports", "writes": False, "job": job}}
    path.write_text(json.dumps(connector))
    base, started = connector["base_url"], {"key": "j1", "links": {"file": "/f"}, "eta": 1}
    recorded = shop / "connectors/shop/recordings/exports.list.json"
    for file, body in ((recorded, started), (shop / "newer.json", {"id": "j1", "links": {}})):
        write_recording(file, base, [(202, {}, body)])
        text = json.loads(file.read_text()) | {"operation": "exports.list"}
        text["exchanges"][0]["request"] = {"method": "POST", "url": f"{base}/exports"}
        file.write_text(json.dumps(text))
    done = conn(shop, "drift", "--recordings", "newer.json", "--format", "json")
    rows = {row["path"]: row["tier"] for row in json.loads(done.out)["differences"] if row["kind"] == "gone"}
    assert rows == {"key": "breaks", "links.file": "breaks", "eta": "noise"}
