"""Bad documents: each fault is one finding, at its place; and the published schemas agree with an independent
validator.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from measuring import count_calls

from conn_engine.config import load_schema, validate
from conn_engine.documents import parse
from conn_engine.documents.locate import find_packaged

KINDS = ["connector", "unified", "environment", "account", "workspace", "recording"]

START = "base_url: https://a.example.com\nresources: { things: { list: { method: get, path: /t } } }\n"

# (kind, text, code, line, column, part of message, part of hint)
BAD: list[tuple[str, str, str, int, int, str, str]] = [
    ("connector", START + "paginaton: { format: page }\n", "CFG101", 3, 1, '"paginaton"', '"pagination"'),
    ("connector", START + "zzz: 1\n", "CFG101", 3, 1, '"zzz"', "one of base_url"),
    ("connector", START + "headers: text\n", "CFG102", 3, 10, "expected an object, found text", ""),
    (
        "connector",
        START + "timeout_seconds: '5'\n",
        "CFG102",
        3,
        18,
        "expected a number, found text",
        "remove the quotes: 5",
    ),
    ("connector", START + "label: 2\n", "CFG102", 3, 8, "expected text, found a number", 'quote it: "2"'),
    ("connector", "base_url: https://a.example.com\nresources:\n", "CFG102", 2, 11, "found nothing", "remove the key"),
    ("connector", START + "timeout_seconds: -1\n", "CFG104", 3, 18, "-1", ""),
    (
        "connector",
        START + "pagination: { format: cursr }\n",
        "CFG105",
        3,
        23,
        'unknown format "cursr"',
        '"cursor"',
    ),
    (
        "connector",
        START + "pagination:\n  format: cursr\n  config: { cursor_field: x, bogus: 1 }\n",
        "CFG105",
        4,
        11,
        'unknown format "cursr"',
        '"cursor"',
    ),
    (
        "connector",
        START + "pagination: { format: 3 }\n",
        "CFG102",
        3,
        23,
        "expected text, found a number",
        "one of page, offset, cursor",
    ),
    ("connector", START + "pagination: { config: {} }\n", "CFG103", 3, 1, '"format" in pagination', ""),
    (
        "connector",
        START + "pagination: nome\n",
        "CFG105",
        3,
        13,
        'unknown format "nome"',
        'did you mean "none"?',
    ),
    (
        "connector",
        START + "pagination: 5\n",
        "CFG102",
        3,
        13,
        "expected an object or text, found a number",
        "",
    ),
    (
        "connector",
        START + "pagination: { format: cursor, cursor_feild: x }\n",
        "CFG101",
        3,
        31,
        '"cursor_feild"',
        '"cursor_field"',
    ),
    ("connector", START + "pagination: { format: cursor, offset_param: x }\n", "CFG101", 3, 31, '"offset_param"', ""),
    ("connector", START + "pagination: { format: page, confg: { first: 1 } }\n", "CFG101", 3, 29, "", '"config"'),
    ("connector", START + "pagination: { fromat: page, first: 1 }\n", "CFG101", 3, 15, '"fromat"', '"format"'),
    ("connector", START + "pagination: { format: paeg, first: 1 }\n", "CFG105", 3, 23, '"paeg"', '"page"'),
    ("connector", START + "pagination: { format: page, first: x }\n", "CFG102", 3, 36, "a whole number", ""),
    ("connector", START + "pagination: { first: 1 }\n", "CFG103", 3, 1, '"format"', ""),
    (
        "connector",
        START + "pagination: { format: page, config: { format: page } }\n",
        "CFG101",
        3,
        39,
        '"format"',
        "next to config",
    ),
    (
        "connector",
        START + "pagination: { format: page, config: { first: 1 }, size: 2 }\n",
        "CFG106",
        3,
        51,
        '"size" and "config" are both set',
        'move "size" below config',
    ),
    (
        "connector",
        START + "pagination: { format: page, config: { size: 1 }, size: 2 }\n",
        "CFG106",
        3,
        50,
        '"size" and "config.size" are the same setting; remove one',
        "",
    ),
    (
        "connector",
        START + "authorization: { format: several, all: [beerer] }\n",
        "CFG105",
        3,
        41,
        '"beerer"',
        '"bearer"',
    ),
    ("account", "connector: x\noverride: { pagination: { siez: 5 } }\n", "CFG101", 2, 27, '"siez"', '"size"'),
    (
        "account",
        "connector: x\noverride: { pagination: { format: page, size: x } }\n",
        "CFG102",
        2,
        47,
        "a whole number",
        "",
    ),
    (
        "connector",
        START + "pagination: { format: cursor, config: { cursor_feild: x } }\n",
        "CFG101",
        3,
        41,
        '"cursor_feild"',
        '"cursor_field"',
    ),
    (
        "connector",
        START + "pagination: { format: cursor, config: { cursor_field: a, cursor_path: b } }\n",
        "CFG106",
        3,
        58,
        '"cursor_path" and "cursor_field"',
        "",
    ),
    (
        "connector",
        START + "pagination: { format: page, config: { first: x } }\n",
        "CFG102",
        3,
        46,
        "a whole number",
        "",
    ),
    ("connector", START + "authorization: { format: beerer }\n", "CFG105", 3, 26, '"beerer"', '"bearer"'),
    ("connector", START + "credentials: { format: oauth }\n", "CFG105", 3, 24, '"oauth"', '"oauth2"'),
    ("connector", START + "errors: { when: x }\n", "CFG102", 3, 9, "expected a list, found an object", "each item"),
    ("connector", START + "verify: things\n", "CFG104", 3, 9, "resource.method", ""),
    ("connector", START + "hosts: ['https://a.example.com']\n", "CFG104", 3, 9, "expected a host", ""),
    ("connector", START.replace("https://", "ftp://"), "CFG104", 1, 11, "expected a URL", ""),
    ("connector", START.replace("https://", ""), "CFG104", 1, 11, "expected a URL", '"https://a.example.com"'),
    ("connector", START + "env: [A-B]\n", "CFG104", 3, 7, "environment variable", ""),
    ("connector", START + "fields: [{ label: A }]\n", "CFG103", 3, 10, '"name" in fields[0]', ""),
    ("connector", "resources: {}\n", "CFG103", 1, 1, '"base_url"', ""),
    ("connector", "base_url: https://a.example.com\n", "CFG103", 1, 1, '"resources"', ""),
    ("connector", "- a\n", "CFG102", 1, 1, "expected an object at the top", ""),
    ("connector", "", "CFG102", 1, 1, "found nothing", ""),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    update: { path: /t }\n",
        "CFG103",
        4,
        5,
        '"method" in resources.things.update',
        "add the vendor's method: `method: patch`, `method: put` or `method: post`",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    search: { path: /t }\n",
        "CFG103",
        4,
        5,
        '"method" in resources.things.search',
        "add `method: get` (or post, put, patch, delete)",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    get: {}\n",
        "CFG103",
        4,
        5,
        '"path" in resources.things.get',
        "add `path: /things` to the resource",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    path: /t\n    search: { method: get }\n",
        "CFG103",
        5,
        5,
        '"path" in resources.things.search',
        "add `path: /things/search`",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    update: /t/{{id}}\n",
        "CFG103",
        4,
        5,
        '"method" in resources.things.update',
        'write { method: patch, path: "/t/{{id}}" }',
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    list: /t\n    lst: { method: get }\n",
        "CFG103",
        5,
        5,
        '"path" in resources.things.lst',
        'did you mean "list"?',
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    incremental: { method: get, path: /t }\n",
        "CFG104",
        4,
        5,
        '"incremental" is a setting of a resource, so it cannot be the name of an operation',
        "rename the operation, for example incremental_list",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    list: people\n",
        "CFG104",
        4,
        11,
        "expected an operation, or its path, which starts with /",
        "",
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    list: { method: gett, path: /t }\n",
        "CFG104",
        4,
        21,
        '"gett"',
        '"get"',
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  things:\n    list: { method: get, path: /t, respones_path: a }\n",
        "CFG101",
        4,
        36,
        '"respones_path"',
        '"response_path"',
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  a:\n    paginaton: {}\n    get: { method: get, path: / }\n",
        "CFG101",
        4,
        5,
        '"paginaton"',
        '"pagination"',
    ),
    (
        "connector",
        "base_url: https://x\nresources:\n  a.b:\n    list: { method: get, path: /t }\n",
        "CFG104",
        3,
        3,
        '"a.b" is not a name',
        "",
    ),
    (
        "unified",
        "resources: { contacts: { list: { response_maping: {} } } }\n",
        "CFG101",
        1,
        34,
        "_maping",
        "_mapping",
    ),
    (
        "unified",
        "resources: { contacts: { list: { response_mapping: [a] } } }\n",
        "CFG102",
        1,
        52,
        "a list",
        "",
    ),
    (
        "unified",
        "resources: { contacts: { list: { each: row } } }\n",
        "CFG104",
        1,
        40,
        '"row"',
        "page, record",
    ),
    (
        "unified",
        "resources: { contacts: { list: { before: [{ transform: a }] } } }\n",
        "CFG103",
        1,
        43,
        '"name"',
        "",
    ),
    ("unified", "resource: {}\nresources: {}\n", "CFG101", 1, 1, '"resource"', '"resources"'),
    ("account", "environment: production\n", "CFG103", 1, 1, '"connector"', ""),
    ("account", "connector: ../x\n", "CFG104", 1, 12, "expected a name", ""),
    (
        "account",
        "connector: x\noverride: { pagintion: null }\n",
        "CFG101",
        2,
        13,
        '"pagintion"',
        '"pagination"',
    ),
    (
        "account",
        "connector: x\noverride: { unified: { crm: { contacts: { list: { each: row } } } } }\n",
        "CFG104",
        2,
        57,
        '"row"',
        "",
    ),
    ("environment", "connectors: { x: { base_url: 3 } }\n", "CFG102", 1, 30, "found a number", ""),
    ("environment", "conectors: {}\n", "CFG101", 1, 1, '"conectors"', '"connectors"'),
    ("workspace", "version: 2\n", "CFG104", 1, 10, '"2"', ""),
    ("workspace", "recordings: { max_age: 10 }\n", "CFG102", 1, 24, "found a number", "write an age such as P90D"),
    ("workspace", "trusted_hosts: ['https://a.example.com/x']\n", "CFG104", 1, 17, "expected a host pattern", ""),
    ("workspace", "evaluator: jsonata\n", "CFG104", 1, 12, '"jsonata"', "jsonata-python"),
]

GOOD: list[tuple[str, str]] = [
    ("connector", START),
    ("connector", START + "pagination: null\nheaders: { a: null }\ncredentials: { format: none }\n"),
    ("connector", START + "pagination: { format: cursor, config: { cursor_path: a } }\n"),
    ("connector", '$schema: "https://conn.dev/schemas/connector.schema.json"\n' + START),
    ("unified", "resources: { contacts: { record: person, list: { response_mapping: '$' } } }\n"),
    (
        "unified",
        "resources: { contacts: { list: { response_mapping: { a: { b: 1, c: null, d: [x] } } } } }\n",
    ),
    ("environment", ""),
    ("environment", "connectors: { x: { crm.contacts.list.each: page, headers.X-A: b } }\n"),
    (
        "account",
        "connector: x\noverride: { crm.contacts.response_mapping.a: response.a, crm: { leads: { list: {} } } }\n",
    ),
    ("environment", "connectors: { x: { pagination: { config: { size: 3 } }, resources: { a: null } } }\n"),
    ("account", "connector: x\noverride: { resources: { a: { list: { pagination: null, path: null } } } }\n"),
    (
        "account",
        "connector: x\noverride: { unified: { crm: { contacts: { list: { response_mapping: null } } } } }\n",
    ),
    ("workspace", ""),
    ("workspace", "version: 1\nlint: { severity: { MAP201: error } }\n"),
]


@pytest.mark.parametrize(("kind", "text", "code", "line", "column", "message", "hint"), BAD)
def test_one_finding_for_one_fault(  # noqa: PLR0917
    kind: str, text: str, code: str, line: int, column: int, message: str, hint: str
) -> None:
    findings = validate(parse(text, "x.yaml"), kind)
    assert [(f.code, f.span and f.span.line, f.span and f.span.column) for f in findings] == [(code, line, column)]
    assert message in findings[0].message
    assert hint in findings[0].hint


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_good_documents(kind: str, text: str) -> None:
    assert validate(parse(text, "x.yaml"), kind) == []


def test_several_faults_are_reported_in_order(example: str) -> None:
    text = example.replace('"base_url"', '"base_urll"').replace('"method": "get"', '"metod": "get"')
    findings = validate(parse(text, "connector.json"), "connector")
    assert [(f.code, f.span and f.span.line) for f in findings] == [
        ("CFG101", 2),
        ("CFG101", 8),
        ("CFG101", 9),
    ]


def test_known_faults_are_not_compared_with_every_other_fault() -> None:
    def judge(number: int) -> None:
        wrong = {f"r{at}": {"list": {"path": 3}, "paginaton": {"format": "page"}} for at in range(number)}
        document = parse(json.dumps({"connector": "x", "override": {"resources": wrong}}), "accounts/a.json")
        assert len(validate(document, "account")) == 2 * number

    judge(1)  # imports, and reads the schema
    assert count_calls(lambda: judge(400)) < 2.5 * count_calls(lambda: judge(200))


@pytest.mark.parametrize("kind", KINDS)
def test_the_published_schemas_are_valid(kind: str) -> None:
    schema = load_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"https://conn.dev/schemas/{kind}.schema.json"
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("kind", ["account", "environment"])
def test_editors_complete_nested_keys_beside_dotted_places(kind: str) -> None:
    override = load_schema(kind)["$defs"]["ConfigurationPart"]
    assert {"pagination", "resources", "unified", "headers"} <= override["properties"].keys()
    (pattern, place) = next(iter(override["patternProperties"].items()))
    assert re.search(pattern, "crm.contacts.response_mapping.email") and not re.search(pattern, "pagination")
    assert place["description"]
    assert "UnifiedResourcePart" in json.dumps(override["additionalProperties"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_described(kind: str) -> None:
    schema = json.loads(Path(find_packaged("schemas", f"{kind}.schema.json")).read_text(encoding="utf-8"))
    places = {"": schema, **schema.get("$defs", {})}
    silent = [
        f"{name}.{key}"
        for name, place in places.items()
        for key, value in place.get("properties", {}).items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize(("kind", "text"), [(row[0], row[1]) for row in BAD] + GOOD)
def test_an_independent_validator_agrees(kind: str, text: str) -> None:
    document = parse(text, "x.yaml")
    data: Any = {} if document.data is None and kind in ("workspace", "environment") else document.data
    valid = jsonschema.Draft202012Validator(load_schema(kind)).is_valid(data)
    doubled = "cursor_field: a, cursor_path: b" in text  # two spellings of one key: beyond the schema
    assert valid == (validate(document, kind) == [] or doubled)


def test_the_example_is_valid(example: str) -> None:
    assert validate(parse(example, "connector.json"), "connector") == []
