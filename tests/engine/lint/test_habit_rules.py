"""Which habits of other tools are found, and which texts only look like one."""

import json
from pathlib import Path
from typing import Any

import pytest

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths

LIST = {"method": "get", "path": "/things", "response_path": "items"}


def lint(
    folder: Path, operation: dict[str, Any], mapping: Any = None, *, key: str = "response_mapping", **connector: Any
) -> list[tuple[str, str]]:
    data = {
        "base_url": "https://api.example.com",
        "resources": {"things": {"list": {**LIST, **operation}}},
        **connector,
    }
    path = folder / "connectors" / "shop" / "connector.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    (folder / "conn.yaml").write_text("version: 1\nlint: { severity: { REC101: info } }\n", encoding="utf-8")
    if mapping is not None:
        unified = {
            "resources": {"things": {"record": "contact", "list": {"response_mapping": "response", key: mapping}}}
        }
        (path.parent / "unified").mkdir()
        (path.parent / "unified" / "crm.json").write_text(json.dumps(unified), encoding="utf-8")
    findings = lint_paths(folder, []).findings
    return [(finding.code, finding.hint) for finding in findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize(
    "operation",
    [
        {"query": {"expand": "body.storage"}},
        {"query": {"fields": "context.name"}},
        {"query": {"order_by": "query.created"}},
        {"query": {"sort": "id"}},
        {"query": {"a": "response.name"}},  # not in the scope of a request
        {"query": {"a": "query.limit + 1"}},
        {"query": {"filter": "'open'"}},
        {"headers": {"If-Match": '"abc"'}},
        {"query": {"a": "it's 'open'"}},
        {"record_filter": "record.a != response.b"},
        {"record_filter": "record.response.a"},
        {"enrich": [{"name": "more", "request": {"method": "get", "path": "/a"}, "transform": "response.a"}]},
        {"response_path": "response.items"},  # some bodies have this field
        {"response_path": "data.body.items"},
        {"response_path": "body"},
    ],
)
def test_what_looks_like_a_habit_is_none(tmp_path: Path, operation: dict[str, Any]) -> None:
    assert lint(tmp_path, operation) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [("/a/:thing_id/b", "thing_id"), ("/a/:id?x=1", "id"), ("/a/${thing.id}", "thing.id"), ("/a/{{id}}/:b", "b")],
)
def test_a_placeholder_of_another_tool_is_found(tmp_path: Path, path: str, name: str) -> None:
    assert lint(tmp_path, {"path": path}) == [("CFG130", f"write {{{{{name}}}}}")]


@pytest.mark.parametrize("path", ["/v1/things:batchGet", "/a/b:c/d", "/a/12:30", "/{{ a ? {'b': c}.b : d }}"])
def test_a_colon_in_a_segment_is_no_placeholder(tmp_path: Path, path: str) -> None:
    assert lint(tmp_path, {"path": path}) == []


def test_the_place_of_a_credential_is_no_placeholder(tmp_path: Path) -> None:
    credential = {"credentials": {"format": "api_key"}, "authorization": {"format": "path", "config": {"name": "key"}}}
    assert lint(tmp_path, {"path": "/things/{key}"}, **credential) == []


@pytest.mark.parametrize(
    ("mapping", "code", "hint"),
    [
        ("`${response.a} ${response.b}`", "EXP103", "write response.a & ' ' & response.b"),
        ({"name": "name"}, "EXP103", "write response.name"),
        ({"name": "properties.name"}, "EXP103", "write response.properties.name"),
        ({"name": "respons.name"}, "EXP103", 'did you mean "response"?'),
        ({"name": "None"}, "EXP103", "write null"),
        ({"name": "Web form"}, "EXP101", """quote it: '"Web form"'"""),
        ({"name": "item.name"}, "EXP103", "write response.name"),
        ({"name": "'a' + response.b"}, "EXP131", """write "'a' & response.b\""""),
        (
            {"name": "response.a + 'x' + 1"},
            "EXP131",
            "to join text, write `&`; to add numbers, convert the text with $number(…)",
        ),
        ({"name": "headers.X-Total"}, "EXP144", "write headers.`x-total`"),
        ({"name": "headers.etag-x"}, "EXP144", "write headers.`etag-x`"),
        ({"name": 'headers."ETag"'}, "EXP144", "write headers.etag"),
        ({"name": "headers['X-Total']"}, "EXP130", "write .`x-total` to read the field"),
        ({"name": "len(response.tags)"}, "EXP102", "write $count(response.tags)"),
    ],
)
def test_a_habit_in_a_mapping_has_a_fix(tmp_path: Path, mapping: Any, code: str, hint: str) -> None:
    assert lint(tmp_path, {}, mapping) == [(code, hint)]


@pytest.mark.parametrize(
    "text", ["headers.etag", "headers.`x-total`", "headers.etag - 1", "$dateTime().toFormat('yyyy')"]
)
def test_the_right_spelling_is_not_found(tmp_path: Path, text: str) -> None:
    assert [code for code, _ in lint(tmp_path, {}, {"name": text}) if code in ("EXP144", "EXP103")] == []


def test_a_cursor_of_the_response_is_found_where_the_records_are_elsewhere(tmp_path: Path) -> None:
    cursor = {"pagination": {"format": "cursor", "config": {"cursor_field": "response.next"}}}
    assert lint(tmp_path, cursor) == [("EXP143", "write next")]


def test_a_cursor_may_be_in_a_field_response(tmp_path: Path) -> None:
    cursor = {"pagination": {"format": "cursor", "config": {"cursor_field": "response.next"}}}
    assert lint(tmp_path, {**cursor, "response_path": "response.items"}) == []


@pytest.mark.parametrize(
    ("key", "hint"), [("query_mapping", "write query.limit"), ("request_body_mapping", "write body.limit")]
)
def test_a_bare_name_is_read_from_what_the_mapping_maps(tmp_path: Path, key: str, hint: str) -> None:
    assert ("EXP103", hint) in lint(tmp_path, {}, {"limit": "limit"}, key=key)


def test_a_key_with_an_id_takes_no_paths(tmp_path: Path) -> None:
    assert lint(tmp_path, {"query": {"order_id": "params.order"}}) == [("EXP140", 'write "{{params.order}}"')]
