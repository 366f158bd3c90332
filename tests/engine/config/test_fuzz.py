"""Damaged documents: findings with places, never another exception."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.config import leaves, load_workspace, lookup, validate
from conn_engine.documents import dump_json, parse
from conn_engine.errors import ConfigurationError, UsageError

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(
        st.sampled_from(["format", "config", "list", "method", "path", "x", "replace"]), st.text(max_size=4)
    ),
)
WHOLE: dict[str, Any] = {
    "base_url": "https://api.example.com",
    "fields": [{"name": "region", "options": ["eu", "us"]}],
    "credentials": {
        "format": "oauth2",
        "client_id": "{{env.ID}}",
        "token_url": "https://l.example.com/t",
    },
    "authorization": "bearer",
    "pagination": {"format": "cursor", "config": {"cursor_path": "next", "size": 5, "size_param": "n"}},
    "errors": [{"when": "status = 404", "then": {"fail": {"kind": "not_found"}}}],
    "rate_limit": {"limit": "x-limit", "reset": "x-reset"},
    "resources": {
        "things": {
            "headers": {"a": "b"},
            "list": {"method": "get", "path": "/things", "response_path": "results", "query": {"a": [1]}},
            "get": {"method": "get", "path": "/things/{{id}}", "pagination": None},
        }
    },
}
UNIFIED: dict[str, Any] = {
    "resources": {
        "contacts": {
            "list": {
                "resource": "things",
                "response_mapping": {"id": "response.id", "name": {"first": "response.a"}},
                "before": [{"name": "a", "request": {"path": "/a"}}],
            }
        }
    }
}


def places(data: Any) -> list[tuple[Any, ...]]:
    found = {path[:end] for path, _ in leaves(data) for end in range(1, len(path) + 1)}
    return sorted(found, key=str)


@st.composite
def damaged(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """The document with one to three places replaced, renamed, removed or added to."""
    data = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(data) or [("x",)]))
        parent = lookup(data, path[:-1])
        if not isinstance(parent, dict):
            continue
        action = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
        if action in ("remove", "rename"):
            value = parent.pop(path[-1], None)
            if action == "rename":
                parent[draw(st.text("abc_$.", min_size=1, max_size=6))] = value
        else:
            parent[path[-1] if action == "replace" else draw(st.text("ab.", max_size=4))] = draw(JUNK)
    return data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzz")
    for name in ("connectors/x/unified", "accounts"):
        (root / name).mkdir(parents=True)
    (root / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    return root


def use(root: Path, connector: Any, unified: Any, override: Any) -> None:
    (root / "connectors/x/connector.json").write_text(dump_json(connector), encoding="utf-8")
    (root / "connectors/x/unified/crm.json").write_text(dump_json(unified), encoding="utf-8")
    account = {"connector": "x", "override": override}
    (root / "accounts/a.json").write_text(dump_json(account), encoding="utf-8")
    try:
        effective = load_workspace(root).effective(account="a")
        for finding in effective.findings:
            assert finding.span is not None
        _ = (effective.hosts, effective.env_names, effective.dead(), effective.provenance())
        effective.check()
        for name in effective.operations():
            if name.kind == "vendor":
                effective.vendor(name.resource, name.method)
            else:
                effective.get_unified(name.model, name.resource, name.method)
        _ = effective.connector
    except ConfigurationError as error:
        assert error.findings
        assert all(finding.span is not None for finding in error.findings)
        assert "\n" not in error.message


def test_the_undamaged_documents_are_fine(folder: Path) -> None:
    assert validate(parse(json.dumps(WHOLE), "c.json"), "connector") == []
    assert validate(parse(json.dumps(UNIFIED), "u.json"), "unified") == []
    use(folder, WHOLE, UNIFIED, {})
    load_workspace(folder).effective(account="a").check()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(damaged(WHOLE))
def test_damaged_connectors(folder: Path, data: dict[str, Any]) -> None:
    for finding in validate(parse(dump_json(data), "c.json"), "connector"):
        assert finding.span is not None
    use(folder, data, UNIFIED, {})


@settings(max_examples=100, deadline=None)
@given(damaged(UNIFIED))
def test_damaged_mappings(folder: Path, data: dict[str, Any]) -> None:
    for finding in validate(parse(dump_json(data), "u.json"), "unified"):
        assert finding.span is not None
    use(folder, WHOLE, data, {})


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(damaged({**WHOLE, "unified": {"crm": UNIFIED["resources"]}}))
def test_damaged_overrides(folder: Path, data: dict[str, Any]) -> None:
    account = {"connector": "x", "override": data}
    for finding in validate(parse(dump_json(account), "a.json"), "account"):
        assert finding.span is not None
    use(folder, WHOLE, UNIFIED, data)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_any_text_as_an_operation(folder: Path, text: str) -> None:
    use(folder, WHOLE, UNIFIED, {})
    try:
        load_workspace(folder).effective(account="a").resolve(text)
    except UsageError as error:
        assert error.exit_code == 2
