"""What the rules over unified mappings find, level by level, and what they let pass."""

import json
from typing import Any

import pytest

from conn_engine.lint import lint_paths

MODEL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": ["string", "null"]},
        "size": {"type": "number"},
        "custom": {"type": "object"},
        "tags": {"anyOf": [{"type": "array"}, {"type": "null"}]},
    },
}
OPERATIONS = {"method": "get", "path": "/things/{{id}}"}


def found(folder: Any, base: Any, *levels: Any, operation: str = "get", model: Any = MODEL, **rest: Any) -> Any:
    """Code, path below the operation and fix of the rules' findings: of a base mapping (`operation: mapping`), and of
    an environment's and an account's."""
    key = rest.pop("key", "response_mapping")
    documents: dict[str, Any] = {
        "conn.yaml": {"version": 1},
        "models/hr/thing.schema.json": model,
        "connectors/shop/connector.json": {
            "base_url": "https://api.example.com",
            "resources": {"things": dict.fromkeys(("get", "list", "create", "update"), OPERATIONS)},
        },
        "connectors/shop/unified/hr.json": {
            "resources": {"things": {operation: {} if base is None else {key: base}, **rest}}
        },
        "accounts/me.json": {"connector": "shop"},
    }
    for level, written in zip(
        ("environment", "account"), [None, *levels] if len(levels) == 1 else levels, strict=False
    ):
        override = {"unified": {"hr": {"things": {operation: {key: written}}}}}
        if level == "account":
            documents["accounts/me.json"] = {"connector": "shop", "override": override}
        elif written is not None:
            documents["environments/production.json"] = {"connectors": {"shop": override}}
    for name, content in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    findings = [one for one in lint_paths(folder, []).findings if one.code.startswith("MAP1")]
    return [(one.code, one.path.removeprefix("hr.things."), one.hint) for one in findings]


BASE = {"id": "response.id", "name": "response.n", "custom": {"a": "response.a"}}


@pytest.mark.parametrize(
    ("levels", "place", "hint"),
    [
        (["$merge([$base, {'name': $base.nmae}])"], "", 'did you mean "name"?'),
        ([{"name": "$base.`nmae` & '!'"}], ".name", 'did you mean "name"?'),
        ([{"name": "$base.name"}, {"name": "$base.nam"}], ".name", 'did you mean "name"?'),
        ([{"name": "$base.n"}], ".name", "use one of: custom, id, name, size, tags"),  # the vendor's name for it
    ],
)
def test_a_field_that_base_does_not_have(tmp_path: Any, levels: list[Any], place: str, hint: str) -> None:
    assert found(tmp_path, BASE, *levels) == [("MAP130", f"get.response_mapping{place}", hint)]


@pytest.mark.parametrize(
    "levels",
    [
        [{"name": "$base.name & '!'"}],
        [{"name": "$base.size"}],  # of the model: another connector's base may have it
        [{"custom": {"b": "$base.custom.whatever"}}],
        [{"name": "$base.*"}, {"name": "$string($base)"}],
    ],
)
def test_what_the_model_or_a_level_below_has(tmp_path: Any, levels: list[Any]) -> None:
    assert [row for row in found(tmp_path, BASE, *levels) if row[0] == "MAP130"] == []


def test_a_vendors_body_is_known_by_what_the_levels_below_make(tmp_path: Any) -> None:
    base = {"title": "body.name"}
    rows = found(tmp_path, base, {"title": "$base.titel"}, operation="create", key="request_body_mapping")
    assert rows == [("MAP130", "create.request_body_mapping.title", 'did you mean "title"?')]


def test_an_expression_below_may_make_any_field_of_an_open_model(tmp_path: Any) -> None:
    assert found(tmp_path, "response", {"name": "$base.whatever"}, model={"type": "object"}) == []


@pytest.mark.parametrize(
    ("base", "levels", "place"),
    [
        ("$base", [], "get.response_mapping"),
        ({"id": "response.id", "name": "$base.name"}, [], "get.response_mapping.name"),
        (None, [{"name": "$uppercase($base.name)"}], "get.response_mapping.name"),
        (BASE, [{"replace": {"id": "$base.id"}}], "get.response_mapping.replace.id"),
        (BASE, [{"replace": {"id": "response.id"}}, {"name": "$base.id"}], None),
    ],
)
def test_base_needs_something_below(tmp_path: Any, base: Any, levels: list[Any], place: str | None) -> None:
    rows = [(code, path) for code, path, _ in found(tmp_path, base, *levels) if code == "MAP131"]
    assert rows == ([("MAP131", place)] if place else [])


@pytest.mark.parametrize(
    ("base", "levels", "place"),
    [
        ({**BASE, "id": None}, [], "id"),
        ({**BASE, "size": None}, [], "size"),
        (BASE, [{"id": None}], "id"),
        ({**BASE, "name": None, "tags": None}, [], None),
        (BASE, [{"size": None, "name": None}], None),  # they are removed, which the model allows
    ],
)
def test_null_where_a_value_is_needed(tmp_path: Any, base: Any, levels: list[Any], place: str | None) -> None:
    rows = [(code, path) for code, path, _ in found(tmp_path, base, *levels) if code == "MAP132"]
    assert rows == ([("MAP132", f"get.response_mapping.{place}")] if place else [])


def write(mapping: Any) -> dict[str, Any]:
    return {"create": {"request_body_mapping": mapping}}


@pytest.mark.parametrize(
    ("mapping", "missing"),
    [
        ({"t": "body.tags", "n": "body.name"}, True),
        ({"t": "body.custom.b"}, True),
        ({"t": "body.custom.a", "c": "body.custom"}, False),
        ({"t": "body.send_mail"}, False),  # not a field of the model
        ("$merge([body, {'t': body.tags}])", False),
    ],
)
def test_a_field_that_is_sent_and_not_returned(tmp_path: Any, mapping: Any, missing: bool) -> None:
    rows = [(code, path) for code, path, _ in found(tmp_path, BASE, **write(mapping))]
    assert rows == ([("MAP134", "create.request_body_mapping.t")] if missing else [])


def test_a_read_that_is_one_expression_may_return_it(tmp_path: Any) -> None:
    assert found(tmp_path, "{'id': response.id}", **write({"t": "body.tags"})) == []


@pytest.mark.parametrize(
    ("level", "added"),
    [
        ({"custom": {"score": "response.s"}}, True),
        ({"custom": {"a": "response.b"}}, False),  # not added
        ({"name": "response.b"}, False),
        ({"tags": "[response.b]"}, False),  # a write sends it
    ],
)
def test_a_field_that_an_override_adds_to_a_read_alone(tmp_path: Any, level: Any, added: bool) -> None:
    base = {**BASE, "tags": "[response.tags]"} if "tags" not in level else BASE
    rows = [(code, path) for code, path, _ in found(tmp_path, base, level, **write({"t": "body.tags"}))]
    rows = [row for row in rows if "create" not in row[1]]
    assert rows == ([("MAP134", "get.response_mapping.custom.score")] if added else [])


def test_the_base_is_not_blamed_for_each_account(tmp_path: Any) -> None:
    """What only a read has, such as the time of creation, is not worth a line in the connector itself."""
    assert found(tmp_path, {**BASE, "size": "response.s"}, **write({"n": "body.name"})) == []
