"""Security schemes of OpenAPI documents: keys that every operation can do without, and keys that go together."""

from typing import Any

import pytest

from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths


@pytest.mark.parametrize(
    ("scheme", "optional"),
    [
        ({"type": "apiKey", "in": "query", "name": "key"}, {"required": False}),
        ({"type": "http", "scheme": "bearer"}, {"required": False}),
        ({"type": "http", "scheme": "basic"}, {"username_required": False, "password_required": False}),
    ],
)
@pytest.mark.parametrize(
    ("everywhere", "own", "lacks"),
    [
        ([{}, {"k": []}], None, True),
        ([{"k": []}], None, False),
        ([{"k": []}], [{"k": []}, {}], False),
        ([], [{"k": []}, {}], True),
        ([{}], None, False),
    ],
)
def test_a_credential_that_every_operation_can_do_without(
    imported, api, *, scheme, optional, everywhere, own, lacks
) -> None:
    paths = {"/a": {"get": {"responses": {}}}, "/b": {"get": {"responses": {}, **({"security": own} if own else {})}}}
    made = imported(api(paths, components={"securitySchemes": {"k": scheme}}, security=everywhere))
    assert made.data["credentials"].get("config", {}) == (optional if lacks else {})


APP = {"type": "apiKey", "in": "header", "name": "X-App"}
KEY = {"type": "apiKey", "in": "query", "name": "key"}
APP_WAY = {"format": "header", "config": {"name": "X-App", "value": "{{app}}"}}
KEY_WAY = {"format": "query", "config": {"name": "key", "value": "{{key}}"}}
SCHEMES = {"person": {"type": "http", "scheme": "bearer"}, "pair": {"type": "http", "scheme": "basic"},
           "key": KEY, "app": APP}  # fmt: skip


@pytest.mark.parametrize(
    ("security", "kind", "ways"),
    [
        (["key app"], "api_key", [{"format": "query", "config": {"name": "key"}}, APP_WAY]),
        (["app person"], "bearer", [{"format": "bearer"}, APP_WAY]),
        (["app pair key"], "basic", [{"format": "basic"}, APP_WAY, KEY_WAY]),
        (["app key", ""], "api_key", [{"format": "query", "config": {"name": "key"}}, APP_WAY]),
        (["pair person"], "bearer", None),
        (["person app", "person"], "bearer", None),
    ],
)
def test_keys_that_are_required_together(imported, api, tmp_path, *, security, kind, ways) -> None:
    asked: list[dict[str, Any]] = [{name: [] for name in names.split()} for names in security]
    used = {name: SCHEMES[name] for name in SCHEMES if any(name in one for one in asked)}
    made = imported(api({"/a": {"get": {"responses": {}}}}, components={"securitySchemes": used}, security=asked))
    assert made.data["credentials"]["format"] == kind
    assert any("together" in what for what in made.lost) is (ways is None)
    told = made.data["authorization"]
    assert (told["config"]["all"] if ways else told["format"] == "several") == (ways or False)
    if ways:
        assert not any("security scheme" in what for what in made.lost)
        rows = made.data["credentials"]["config"]["ask"]
        assert [row["name"] for row in rows] == [way["config"]["value"].strip("{}") for way in ways[1:]]
        assert all(row.get("required") is (False if "" in security else None) for row in rows)
    (tmp_path / "conn.yaml").write_text("version: 1\n")
    made.imported.write(tmp_path / "connectors" / "vendor")
    assert [one for one in lint_paths(tmp_path, []).findings if one.severity >= Severity.WARNING] == []


@pytest.mark.parametrize(
    ("operations", "carried"),
    [
        (["person app", "person"], ["person", "app"]),
        (["person", "person app", "person app key"], ["person", "app", "key"]),
        (["key", "key app"], ["key", "app"]),
        (["person", "key"], ["key"]),
        (["person app|person", "person"], ["person"]),
        (["person app|key", "person"], ["person", "app"]),
    ],
)
def test_a_key_that_some_operations_need_besides_is_carried_by_all(imported, api, *, operations, carried) -> None:
    paths = {
        f"/{n}": {"get": {"responses": {}, "security": [{key: [] for key in o.split()} for o in asked.split("|")]}}
        for n, asked in enumerate(operations)
    }
    names = {name for asked in operations for name in asked.replace("|", " ").split()}
    made = imported(api(paths, components={"securitySchemes": {name: SCHEMES[name] for name in sorted(names)}}))
    told = made.data["authorization"]
    ways = told["config"]["all"] if told["format"] == "several" else [told]
    known = {"person": "bearer", "app": "X-App", "key": "key"}
    assert [way["config"]["name"] if "name" in way.get("config", {}) else way["format"] for way in ways] == [
        known[name] for name in carried
    ]
