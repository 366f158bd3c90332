"""Whatever a setting of pagination, error rules and rate limits reads of an answer: once that is gone, drift reports
exactly the setting as a reader. The settings are found in the models; no test has a list of their names."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from conn_engine.analysis.drift import Comparison, drift
from conn_engine.analysis.drift.forms import form_of_answers
from conn_engine.analysis.population import Digests, Side, account_groups
from conn_engine.config import load_workspace
from conn_engine.config.models import Inheritable
from conn_engine.listing.pagination import Pagination
from conn_engine.roles import note_of

BODY = {"items": [{"id": 1}], "a": {"b": "c"}, "other": 1}
OVER = {"body": "a.b", "answer": "body.a.b", "paging": "body.a.b", "fault": "body.a.b", "restart": "body.a.b"}
RULE = {"when": "status = 500", "then": "fail"}
RESTART = {"after_pages": 1, "set": {"query": {"after": "record.id"}}}
CURSOR = {"format": "cursor", "config": {"cursor_field": "cursor"}}
ACTIONS: tuple[dict[str, Any], ...] = (
    {"fail": {"message": "body.a.b"}},
    {"retry": {"wait": "body.a.b"}},
    {"retry": {"wait": [{"body": "body.a.b"}]}},
    {"retry": {"max_wait_seconds": "body.a.b"}},
    {"rate_limited": {"message": "body.a.b"}},
    {"rate_limited": {"wait": {"body": "body.a.b"}}},
)
NEEDED: dict[str, Any] = {
    "cursor": CURSOR["config"],
    "next_url": {"next_url_field": "url"},
    "range": {"size": 10},
    "dynamic": {"next": "null"},
    "nested": {"outer": CURSOR, "inner": {"format": "link_header"}},
}


def settings_of(model: type[msgspec.Struct], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The expressions of a model, and of the models in it, with the scope of each."""
    for field in msgspec.structs.fields(model):
        note = note_of(field.type)
        if note.role == "expression":
            yield (*path, field.encode_name), note.over
        elif field.encode_name == "restart":
            yield from settings_of(get_args(get_args(field.type)[0])[0], (*path, "restart"))


def cases() -> Iterator[Any]:
    for kind in get_args(Pagination):
        tag = str(kind.__struct_config__.tag)
        for keys, over in settings_of(kind):
            if over in OVER:
                config = json.loads(json.dumps({**NEEDED.get(tag, {})}))
                node = config
                for key in keys[:-1]:
                    node = node.setdefault(key, dict(RESTART))
                node[keys[-1]] = OVER[over]
                yield pytest.param(
                    {"pagination": {"format": tag, "config": config}}, keys, id=f"{tag}.{'.'.join(keys)}"
                )
    for then in ACTIONS:
        yield pytest.param({"errors": [{"when": "status = 429", "then": then}]}, (), id=f"errors {json.dumps(then)}")
    yield pytest.param({"errors": [{**RULE, "when": "body.a.b"}]}, (), id="errors when")
    for key in ("limited_when", "max_wait_seconds"):
        yield pytest.param({"rate_limit": {key: "body.a.b"}}, (), id=f"rate_limit.{key}")
    for key in ("limit", "remaining", "used", "reset", "retry_after", "name"):
        more = {} if key in ("limit", "remaining") else {"remaining": "X-Remaining"}
        yield pytest.param({"rate_limit": {**more, key: {"body": "body.a.b"}}}, (), id=f"rate_limit.{key}.body")


@pytest.mark.parametrize(("said", "keys"), list(cases()))
@pytest.mark.parametrize("level", ["operation", "connector"])
def test_what_a_setting_reads_is_missed(
    tmp_path: Path, said: Mapping[str, Any], keys: tuple[str, ...], level: str
) -> None:
    operation = {"method": "get", "path": "/rows", "response_path": "items"}
    own, general = (said, {}) if level == "operation" else ({}, said)
    connector = {"base_url": "https://acme.example", **general, "resources": {"rows": {"list": {**operation, **own}}}}
    for name, data in (
        ("conn.yaml", {"version": 1}),
        ("connectors/acme/connector.yaml", connector),
        ("accounts/one.yaml", {"connector": "acme"}),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    workspace = load_workspace(tmp_path)
    groups = account_groups(Side(workspace, Digests()), connector="acme")
    before = form_of_answers([BODY] * 4)
    for gone, readers in ((("a", "b"), 1), (("a",), 1), (("other",), 0)):
        data = json.loads(json.dumps(BODY))
        node = data
        for key in gone[:-1]:
            node = node[key]
        del node[gone[-1]]
        comparison = Comparison("rows", "list", before, form_of_answers([data] * 4))
        (difference,) = drift("acme", [comparison], groups).differences
        assert difference.change.path == gone
        assert len(difference.readers) == readers
        assert difference.tier == ("breaks" if readers else "noise")
        if readers and keys:
            assert difference.readers[0].what == f"rows.list pagination {keys[-1]}"


def test_every_expression_of_these_settings_says_what_it_is_over() -> None:
    """A text that calls itself an expression has the role of one: nobody restates which settings are read."""
    missing = []
    for kind in (*get_args(Pagination), *_models(Inheritable)):
        for field in msgspec.structs.fields(kind):
            text = next(
                (
                    one.description or ""
                    for one in getattr(field.type, "__metadata__", ())
                    if hasattr(one, "description")
                ),
                "",
            )
            if text.lower().startswith("expression") and note_of(field.type).role not in ("expression", "values"):
                missing.append(f"{kind.__name__}.{field.name}")
    assert missing == []


def _models(kind: Any) -> Iterator[type[msgspec.Struct]]:
    seen: set[type[msgspec.Struct]] = set()
    waiting = [kind]
    while waiting:
        one = waiting.pop()
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            if one in seen or "auth" in one.__module__:
                continue
            seen.add(one)
            yield one
            waiting += [field.type for field in msgspec.structs.fields(one)]
        else:
            waiting += get_args(one)
