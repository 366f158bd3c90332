"""An override means the same whether its places are dotted or nested, down to where each value is set."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conn_engine.config import Effective, format_place, leaves, load_workspace, lookup, parse_place
from conn_engine.config.dotted_places import expand_places
from conn_engine.documents import dump_json, format_path

CONNECTOR = {
    "base_url": "https://api.example.com",
    "headers": {"X-A": "base"},
    "pagination": {"format": "page", "size": 10},
    "resources": {"contacts": {"list": {"method": "get", "path": "/contacts"}}},
}
CRM = {"resources": {"contacts": {"response_mapping": {"a": "response.a"}, "list": {}, "get": {}}}}
texts = st.sampled_from(["one", "two", "three"])


def optional(**entries: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=entries)


fields = optional(a=texts | st.none(), b=texts, c=optional(**{"x": texts, "y.z": texts}))
mapped = st.one_of(fields, texts.map("'{}'".format))
operations = optional(list=optional(response_mapping=mapped, each=st.just("record")), response_mapping=mapped)
overrides = optional(
    headers=st.dictionaries(st.sampled_from(["X-A", "X.B", "C"]), texts | st.none()),
    pagination=optional(size=st.integers(1, 9), config=st.none()) | optional(format=st.just("page"), size_param=texts),
    timeout_seconds=st.integers(1, 9),
    resources=optional(
        contacts=optional(list=optional(path=texts.map("/{}".format), query=st.dictionaries(texts, texts)))
    ),
    unified=optional(crm=optional(contacts=operations), hr=optional(people=operations)),
)


def split(draw: st.DrawFn, path: tuple[str, ...], value: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Return a value as one entry, or some of its entries apart from the others."""
    if not isinstance(value, dict) or not value or not draw(st.booleans()):
        return [(path, value)]
    apart = [key for key in value if draw(st.booleans())]
    rows = [row for key in apart for row in split(draw, (*path, key), value[key])]
    rest = {key: item for key, item in value.items() if key not in apart}
    return [*rows, *([(path, rest)] if rest else [])]


@st.composite
def spellings(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    nested = draw(overrides)
    dotted: dict[str, Any] = {}
    for key, value in nested.items():
        for path, item in split(draw, (key,), value):
            long_form = draw(st.booleans())
            dotted[path[0] if len(path) == 1 else (format_path if long_form else format_place)(path)] = item
    return nested, dict(draw(st.permutations(list(dotted.items()))))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    for name, data in {
        "conn": {"version": 1},
        "connectors/shop/connector": CONNECTOR,
        "connectors/shop/unified/crm": CRM,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.json").write_text(dump_json(data), "utf-8")
    (root / "accounts").mkdir()
    return root


def effective(folder: Path, override: dict[str, Any]) -> Effective:
    (folder / "accounts/acme.json").write_text(dump_json({"connector": "shop", "override": override}), "utf-8")
    return load_workspace(folder).effective(account="acme")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(spellings())
def test_a_dotted_override_means_what_the_nested_one_means(
    folder: Path, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    nested, dotted = (effective(folder, override) for override in pair)
    assert dotted.data == nested.data
    assert dotted.layers[-1].data == nested.layers[-1].data
    for path, _ in (*leaves(nested.data), *leaves(nested.layers[-1].data)):
        origins = [(origin.level, origin.path, origin.value, origin.overridden) for origin in nested.origins(path)]
        assert [
            (origin.level, origin.path, origin.value, origin.overridden) for origin in dotted.origins(path)
        ] == origins
        for origin in dotted.origins(path):
            written = lookup(origin.document.data, origin.place)
            assert written == origin.value or isinstance(origin.value, dict)
            assert origin.document.has_path(origin.place)


keys = st.text(st.sampled_from('ab."[]0\\ '), max_size=8) | st.lists(st.sampled_from(["crm", "headers", "a", "b"])).map(
    ".".join
)
trees = st.recursive(texts | st.none(), lambda inner: st.dictionaries(keys, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(keys, trees, max_size=5))
def test_any_keys_are_put_somewhere_or_reported(override: dict[str, Any]) -> None:
    before = dump_json(override)
    expanded = expand_places(override)
    assert dump_json(override) == before
    placed = {expanded.find_written(path)[0] for path, _ in leaves(expanded.data)}
    reported = {fault.path[0] for fault in expanded.faults}
    empty = {key for key, value in override.items() if value == {} or not list(leaves(value))}
    joined = {key for key, value in override.items() if isinstance(value, dict)}
    assert override.keys() <= placed | reported | empty | joined
    assert override.keys() >= reported


@given(overrides)
def test_places_that_are_printed_can_be_pasted(nested: dict[str, Any]) -> None:
    rows = [(path, value) for path, value in leaves(nested) if value != {}]
    pasted = expand_places({format_place(path): value for path, value in rows})
    assert not pasted.faults
    assert dict(leaves(pasted.data)) == dict(rows)
    for path, _ in rows:
        assert parse_place(format_place(path)) == path
        assert pasted.find_written(path) == (format_place(path),)
