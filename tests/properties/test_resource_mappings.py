"""What a resource sets for its operations, over three levels: one law, restated in the plainest way."""

from collections.abc import Mapping
from typing import Any

from evaluating import usual
from hypothesis import example, given
from hypothesis import strategies as st

from conn_engine.config import DocumentFragment, Effective, Layer, Level, leaves, mapping_layers
from conn_engine.documents import parse
from conn_engine.expressions import compile_mapping

LEVELS: tuple[Level, ...] = ("base", "environment", "account")
RESPONSE, REQUEST = "response_mapping", "request_body_mapping"
OPERATIONS = ("list", "get", "create", "update", "delete", "search")
DOCUMENT = parse("{}", "connector.yaml")
UNSET = object()

values = st.sampled_from(["'one'", "'two'", "'three'", "'four'"])
fields = st.dictionaries(st.sampled_from("abc"), values | st.dictionaries(st.sampled_from("xy"), values, min_size=1))
removals = st.dictionaries(st.sampled_from("abc"), st.none() | values, min_size=1)
texts = st.dictionaries(st.sampled_from("abc"), values, min_size=1).map(
    lambda made: "{" + ", ".join(f'"{key}": {value}' for key, value in made.items()) + "}"
)
lowest = fields | texts | fields.map(lambda made: {"replace": made})
mappings = lowest | removals
base_resources = st.fixed_dictionaries({}, optional={RESPONSE: lowest, REQUEST: lowest})
resources = st.fixed_dictionaries({}, optional={RESPONSE: st.none() | mappings, REQUEST: st.none() | mappings})
base_operations = st.fixed_dictionaries({}, optional={RESPONSE: st.none() | lowest, REQUEST: st.none() | lowest})


def levels(own: st.SearchStrategy[Any], operation: st.SearchStrategy[Any], least: int) -> st.SearchStrategy[Any]:
    """What one level sets for the resource and for some of its operations."""
    named = st.dictionaries(st.sampled_from(OPERATIONS), operation, min_size=least, max_size=4)
    return st.tuples(own, named).map(lambda pair: pair[1] | pair[0])


stacks = st.tuples(
    levels(base_resources, base_operations, 1), levels(resources, resources, 0), levels(resources, resources, 0)
)


def effective(stack: tuple[Mapping[str, Any], ...]) -> Effective:
    layers = [
        Layer(level, {"unified": {"crm": {"contacts": data}}} if data else {}, (DocumentFragment(DOCUMENT),))
        for level, data in zip(LEVELS, stack, strict=True)
    ]
    return Effective(connector_name="demo", layers=layers)


def result_of(said: Any) -> Any:
    """What a mapping gives: its texts are expressions of a fixed text."""
    if isinstance(said, dict) and set(said) != {"replace"}:
        return {key: result_of(value) for key, value in said.items()}
    return compile_mapping([said["replace"] if isinstance(said, dict) else said]).apply_one(usual())


def over(below: Any, said: Any) -> Any:
    """One mapping over what is below."""
    if said is None:
        return None
    if not isinstance(said, dict) or set(said) == {"replace"}:
        made = result_of(said)
        return made if isinstance(said, dict) or below is None else _merged(below, made)
    return _merged(below or {}, {key: None if value is None else result_of(value) for key, value in said.items()})


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result


def expected(stack: tuple[Mapping[str, Any], ...], operation: str, key: str) -> Any:
    """Level by level: first the resource, unless the operation has opted out; then the operation."""
    result: Any = None
    nearest: Any = UNSET
    for level in stack:
        own = level.get(operation, {}).get(key, UNSET)
        nearest = own if own is not UNSET else nearest
        takes = operation != "delete" if key == RESPONSE else operation in ("create", "update") or nearest is not UNSET
        if key in level and takes and nearest is not None:
            result = over(result, level[key])
        if own is not UNSET:
            result = over(result, own)
    return result


def given_by(configured: Effective, operation: str, key: str) -> Any:
    typed = configured.get_unified("crm", "contacts", operation)
    assert typed is not None
    layers = mapping_layers(getattr(typed, key))
    return compile_mapping(layers).apply_one(usual()) if layers else None


def shown(value: Any) -> Any:
    """Nothing, an empty object and empty objects inside are one: there is no field."""
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items() if shown(item)}
    return value or {}


@given(stacks)
def test_the_order_of_levels_resources_and_operations(stack: tuple[Mapping[str, Any], ...]) -> None:
    configured = effective(stack)
    for name in configured.operations():
        for key in (RESPONSE, REQUEST):
            assert shown(given_by(configured, name.method, key)) == shown(expected(stack, name.method, key)), name


@given(stacks)
def test_each_leaf_has_the_place_where_it_is_written(stack: tuple[Mapping[str, Any], ...]) -> None:
    """The effective value of a leaf stands at the place that its origin names, in the level it names."""
    configured = effective(stack)
    for path, _ in leaves(configured.data):
        origin = configured.origins(path)[0]
        written: Any = configured.layers[LEVELS.index(origin.level)].data
        for key in origin.place:
            written = written[key]
        assert written == origin.value


@given(stacks)
def test_without_mappings_of_a_resource_nothing_is_expanded(stack: tuple[Mapping[str, Any], ...]) -> None:
    plain = tuple({key: value for key, value in level.items() if key not in (RESPONSE, REQUEST)} for level in stack)
    configured = effective(plain)
    assert configured.expanded == configured.layers


@example(({"list": {RESPONSE: None}}, {}, {"list": {RESPONSE: {"a": None}}, RESPONSE: {"b": "'one'"}}))
@given(stacks)
def test_an_accounts_lines_that_change_nothing_can_be_deleted(stack: tuple[Mapping[str, Any], ...]) -> None:
    base, _, account = stack  # (a line of a request mapping may be what makes an operation one that has a mapping)
    configured = effective((base, {}, account))
    for origin in configured.dead():
        changed = effective((base, {}, _without(account, origin.path[3:])))
        for name in changed.operations():
            for key in (RESPONSE, REQUEST) if name.method in ("create", "update") else (RESPONSE,):
                before, after = given_by(configured, name.method, key), given_by(changed, name.method, key)
                assert shown(before) == shown(after), origin.path


def _without(data: Mapping[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    """The data without a line, and without the keys that are empty then."""
    key, *rest = path
    inside = _without(data[str(key)], tuple(rest)) if rest else {}
    return {name: inside if name == key else value for name, value in data.items() if name != key or inside}
