"""Of what in an answer a delivered field is made: whatever changes it when it goes is among the places named."""

import copy
from collections.abc import Iterator
from typing import Any

from evaluating import usual
from hypothesis import given
from hypothesis import strategies as st

from conn_engine.analysis.drift.paths import find_response_places
from conn_engine.config import VendorOperation
from conn_engine.config.operations import vendor_operation
from conn_engine.runtime.records import map_records, records_of

NAMES = ("a", "b", "c")
RECORDS = st.recursive(
    st.integers(0, 9) | st.text("xy", max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(".".join)
READS = PATHS.map("record.{}".format) | st.just("record")
LEAVES = READS | st.tuples(READS, READS).map("[{0[0]}, {0[1]}]".format) | READS.map("$string({})".format)
MAPPINGS = (
    st.none()
    | st.dictionaries(st.sampled_from(NAMES), LEAVES | st.dictionaries(st.sampled_from(NAMES), LEAVES), min_size=1)
    | st.dictionaries(st.sampled_from(NAMES), READS, min_size=1).map(
        lambda fields: "{" + ", ".join(f'"{name}": {text}' for name, text in fields.items()) + "}"
    )
    | PATHS.map("$merge([record, {{'a': record.{}}}])".format)
)


def operation(response_path: str | None, record_mapping: Any) -> VendorOperation:
    told: dict[str, Any] = {"method": "get", "path": "/things"}
    told |= {} if response_path is None else {"response_path": response_path}
    told |= {} if record_mapping is None else {"record_mapping": record_mapping}
    return vendor_operation({"resources": {"things": {"list": told}}}, "things", "list", connector="c")


def leaf_paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from leaf_paths(item, (*path, key))


def at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def without(value: Any, path: tuple[str, ...]) -> Any:
    made = copy.deepcopy(value)
    holder = at(made, path[:-1])
    del holder[path[-1]]
    return made


def delivered(one: VendorOperation, body: Any) -> Any:
    records, _ = records_of(one.response_path, body, usual())
    if one.record_mapping is None:
        return records[0]
    made = map_records(one.record_mapping, records, usual())
    return made[0][0] if made[0] else None


@given(
    st.data(), st.dictionaries(st.sampled_from(NAMES), RECORDS, min_size=1), MAPPINGS, st.sampled_from([None, "in.it"])
)
def test_what_changes_a_field_is_named(
    data: st.DataObject, record: dict[str, Any], mapping: Any, response_path: str | None
) -> None:
    one = operation(response_path, mapping)
    body = record if response_path is None else {"in": {"it": record}}
    start: tuple[str, ...] = () if response_path is None else ("in", "it")
    before = delivered(one, body)
    fields = list(leaf_paths(before)) if isinstance(before, dict) else []
    if not fields:
        return
    field = data.draw(st.sampled_from(fields))
    gone = data.draw(st.sampled_from(list(leaf_paths(record))))
    if at(delivered(one, without(body, (*start, *gone))), field) == at(before, field):
        return
    raw = (*start, *gone)
    named = find_response_places(one, field)
    assert any(raw[: len(place)] == place or place[: len(raw)] == raw for place in named), (field, raw, named)
