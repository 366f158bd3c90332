"""Whatever a setting reads of an answer: once that is gone, drift reports exactly the setting as a reader. The formats
and their settings are found in the models (`made_formats`); no test has a list of their names."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_formats import HEADER, Case, cases_of, find_formats, find_holders, models_of

from conn_engine.analysis.drift import OperationDrift, drift
from conn_engine.analysis.drift.forms import HEADERS, Observed, ResponsePaths, collect_paths
from conn_engine.analysis.population import Digests, Side, group_accounts
from conn_engine.config import load_workspace
from conn_engine.config.convert import convert
from conn_engine.config.models import Inheritable, Operation
from conn_engine.roles import read_roles

BODY: Mapping[str, Any] = {"items": [{"id": 1, "r": 1}], "a": {"b": "c"}, "other": 1}
SENT = {HEADER: "1", "Link": "<https://acme.example>; rel=next"}
OPERATION = {"method": "get", "path": "/rows", "response_path": "items"}
KEYS = (
    ("items",),
    ("items", "id"),
    ("items", "r"),
    ("a",),
    ("a", "b"),
    ("other",),
    (HEADERS, "x-left"),
    (HEADERS, "link"),
)
"""What is removed from the answer in turn."""

MODELS = [(key, model, kind) for key, kind in find_holders() for model in models_of(kind)]
IDS = [f"{key}-{model.__struct_config__.tag or model.__name__}" for key, model, _ in MODELS]


def test_every_format_is_covered() -> None:
    covered = {model for _, model, _ in MODELS if model.__struct_config__.tag is not None}
    assert covered == find_formats()
    assert len(covered) >= 49


@pytest.mark.parametrize(("key", "model", "kind"), MODELS, ids=IDS)
def test_what_a_setting_reads_is_missed(
    tmp_path: Path, key: str, model: type[msgspec.Struct], kind: Any, forms: Mapping[tuple[str, ...], ResponsePaths]
) -> None:
    cases = cases_of(model, kind)
    connectors: list[dict[str, Any]] = []
    expected: dict[tuple[int, str], dict[tuple[str, ...], set[str]]] = {}
    if key in Operation.__struct_fields__:
        resources: dict[str, Any] = {}
        connectors.append({"resources": resources})
        for number, case in enumerate(cases):
            resources[f"one{number}"] = {"list": {**OPERATION, key: case.value}}
            expected[0, f"one{number}"] = readers_of(case, key, kind)
            if key in Inheritable.__struct_fields__:
                resources[f"all{number}"] = {key: case.value, "list": OPERATION}
                expected[0, f"all{number}"] = readers_of(case, key, kind)
    else:
        for number, case in enumerate(cases):
            section, _, inner = key.partition(".")
            value = {inner: case.value} if inner else case.value
            connectors.append({section: value, "resources": {"rows": {"list": OPERATION}}})
            expected[number, "rows"] = readers_of(case, key, kind)
    assert find_readers(tmp_path, connectors, expected, forms) == expected


@pytest.mark.parametrize("key", sorted({key for key, _, _ in MODELS} & {*Inheritable.__struct_fields__}))
def test_the_settings_of_the_connector_count(
    tmp_path: Path, key: str, forms: Mapping[tuple[str, ...], ResponsePaths]
) -> None:
    case, kind = next(
        ((case, kind) for name, model, kind in MODELS if name == key for case in cases_of(model, kind) if case.gone),
        (None, None),
    )
    if case is None:
        assert key in ("authorization", "signature")  # these read nothing of an answer
        return
    expected = {(0, "rows"): readers_of(case, key, kind)}
    connector = {key: case.value, "resources": {"rows": {"list": OPERATION}}}
    assert find_readers(tmp_path, [connector], expected, forms) == expected


@pytest.fixture(scope="module")
def forms() -> dict[tuple[str, ...], ResponsePaths]:
    """What answers look like, and what each looks like without one of the keys."""
    return {gone: collect_paths([Observed("GET", "/rows", 200, *without(gone))] * 4) for gone in ((), *KEYS)}


def without(gone: tuple[str, ...]) -> tuple[Any, dict[str, str]]:
    body, sent = json.loads(json.dumps(BODY)), dict(SENT)
    if gone[:1] == (HEADERS,):
        return body, {name: value for name, value in sent.items() if name.lower() != gone[1]}
    node = body
    for name in gone[:-1]:
        node = node[name][0] if isinstance(node[name], list) else node[name]
    for name in gone[-1:]:
        del node[name]
    return body, sent


def readers_of(case: Case, key: str, kind: Any) -> dict[tuple[str, ...], set[str]]:
    """Who reads what of the answer: the operation its records, the setting, and what reads a header by default."""
    found: dict[tuple[str, ...], set[str]] = defaultdict(set, {("items",): {"response_path"}})
    of_later_answers = key == "job" and case.over != "job"
    for gone in () if case.gone is None or of_later_answers else KEYS:
        if case.gone[: len(gone)] == gone:
            found[gone].add(f"{key} {case.setting}")
    for name, header in default_headers(convert(case.value, kind)):
        found[HEADERS, header].add(f"{key} {name}")
    return dict(found)


def default_headers(settings: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(settings, msgspec.Struct):
        return
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(settings))}
    for name, key, note in read_roles(type(settings)):
        value = getattr(settings, name)
        if note.role == "header" and isinstance(value, str) and value == defaults[name]:
            yield key, value.lower()
        yield from default_headers(value)


def find_readers(
    folder: Path,
    connectors: list[dict[str, Any]],
    operations: Mapping[tuple[int, str], Any],
    forms: Mapping[tuple[str, ...], ResponsePaths],
) -> dict[tuple[int, str], dict[tuple[str, ...], set[str]]]:
    """The readers that drift reports for each key that is gone, by connector and resource; all of them break."""
    (folder / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    (folder / "accounts").mkdir()
    for number, connector in enumerate(connectors):
        (folder / "connectors" / f"c{number}").mkdir(parents=True)
        text = json.dumps({"base_url": "https://acme.example", **connector})
        (folder / "connectors" / f"c{number}" / "connector.yaml").write_text(text, encoding="utf-8")
        (folder / "accounts" / f"a{number}.yaml").write_text(f"connector: c{number}\n", encoding="utf-8")
    workspace = load_workspace(folder)
    found: dict[tuple[int, str], dict[tuple[str, ...], set[str]]] = {key: {} for key in operations}
    for number in range(len(connectors)):
        names = [name for of, name in operations if of == number]
        comparisons = [OperationDrift(name, "list", forms[()], forms[gone]) for name in names for gone in KEYS]
        groups = group_accounts(Side(workspace, Digests()), connector=f"c{number}")
        for difference in drift(f"c{number}", comparisons, groups).differences:
            name = difference.operation.partition(".")[0]
            readers = {reader.what.removeprefix(f"{difference.operation} ") for reader in difference.readers}
            assert difference.tier == ("breaks" if readers else "noise")
            if readers:
                found[number, name][difference.change.path] = readers
    return found
