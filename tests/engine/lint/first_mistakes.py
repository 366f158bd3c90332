"""What people write first who come from other tools: the smallest document with each mistake, and what lint answers."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

__all__ = ["MISTAKES", "Mistake", "write_workspace"]

Place = Literal["connector", "operation", "field", "text"]

CONNECTOR = """\
base_url: https://api.example.com
credentials: { format: bearer }
authorization: { format: bearer }
fields: [{ name: site, required: false, default: main }]
resources:
  people:
    list:
      method: get
      path: /people
      response_path: items
    get:
      method: get
      path: "/people/{{id}}"
"""
UNIFIED = """\
resources:
  people:
    record: contact
    list:
      response_mapping:
        id: response.id
"""
RECORDING = """\
{"format": 1, "connector": "shop", "operation": "crm.people.list", "scenario": "default", "source": "sample",
 "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.example.com", "call": {}, "exchanges": []}
"""
HTTP, MAPPING = "connector.yaml", "unified/crm.yaml"
LAST_LINES: dict[Place, tuple[str, str]] = {
    "connector": (HTTP, "authorization: { format: bearer }\n"),
    "operation": (HTTP, "      response_path: items\n"),
    "field": (MAPPING, "        id: response.id\n"),
}
_FIX = re.compile(
    r'did you mean "(?P<key>.*)"\?|write (?P<text>.*?)(?: to read the field.*)?$|quote it: (?P<quoted>.*?)(?:, or .*)?$'
)


@dataclass(frozen=True)
class Mistake:
    """A line `wrong` that is added to the connector, an operation or a mapping; or, for `text`, written instead of the
    text `good` of the connector. Lint finds `code` with `fix` and nothing else; nothing at all if there is no code.

    `instead` is the part of the line that the fix replaces: by default the key if the key is unknown, else the value.
    """

    place: Place
    habit: str
    wrong: str
    code: str = ""
    fix: str = ""
    instead: str = ""
    good: str = ""

    @property
    def is_found(self) -> bool:
        return bool(self.code)

    def read_fix(self) -> str:
        """Return the line with the text that the fix names in the place of the mistake."""
        named = _FIX.match(self.fix)
        assert named is not None, self.fix
        key, _, value = self.wrong.partition(":")
        instead = self.instead or (key.strip() if self.code == "CFG101" else value.strip())
        assert instead in self.wrong
        return self.wrong.replace(instead, named["key"] or named["text"] or named["quoted"], 1)


connector, operation, field, text = (partial(Mistake, place) for place in ("connector", "operation", "field", "text"))

MISTAKES = [
    # OpenAPI, Postman, HTTP clients
    text("OpenAPI", "/people/{id}", "CFG130", "write {{id}}", "{id}", "/people/{{id}}"),
    text("Postman", "/people/:id", "CFG130", "write {{id}}", ":id", "/people/{{id}}"),
    text("JavaScript", "/people/${id}", "CFG130", "write {{id}}", "${id}", "/people/{{id}}"),
    text(
        "Nango",
        "https://${connectionConfig.site}.example.com",
        "CFG130",
        "write {{context.site}}",
        "${connectionConfig.site}",
        "https://api.example.com",
    ),
    text(
        "Postman",
        "api.example.com",
        "CFG104",
        'did you mean "https://api.example.com"?',
        "api.example.com",
        "https://api.example.com",
    ),
    text("Postman", "url: /people", "CFG101", 'did you mean "path"?', "", "path: /people"),
    text("Postman", "auth:", "CFG101", 'did you mean "authorization"?', "", "authorization:"),
    text(
        "Zapier", "{ type: bearer }\nfields", "CFG101", 'did you mean "format"?', "type", "{ format: bearer }\nfields"
    ),
    operation("axios", "params: { limit: 10 }", "CFG101", 'did you mean "query"?'),
    operation("Zapier", "json: { a: b }", "CFG101", 'did you mean "body"?'),
    # low-code kits, Jinja
    text("Airbyte", "data_selector: items", "CFG101", 'did you mean "response_path"?', "", "response_path: items"),
    operation("Airbyte", 'query: { site: "{{ config.site }}" }', "EXP103", "write context.site", "config.site"),
    operation("Airbyte", "record_filter: response.active", "EXP142", "write record.active"),
    operation(
        "Airbyte",
        "pagination: { format: cursor, config: { cursor_field: response.next } }",
        "EXP143",
        "write next",
        "response.next",
    ),
    operation(
        "Airbyte",
        "pagination: { format: page, config: { page_param: page, stop: last = true } }",
        "EXP103",
        "write body.last",
        "last",
    ),
    operation(
        "Jinja",
        'query: { a: "{{ query.a | upper }}" }',
        "EXP101",
        "write {{$uppercase(query.a)}}",
        "{{ query.a | upper }}",
    ),
    operation("Jinja", "record_filter: not record.old", "EXP101", "write $not(record.old)"),
    operation("Jinja", "record_filter: record.a is defined", "EXP101", "write $exists(record.a)"),
    field(
        "Jinja",
        "name: response.a if response.b else response.c",
        "EXP101",
        'write "response.b ? response.a : response.c"',
    ),
    operation("Jinja", 'query: { since: "{{ now_utc() }}" }', "EXP102", "write $now()", "now_utc()"),
    # Nango, Zapier: templates and fixed texts
    text("Nango", "response_path: body.items", "EXP143", "write items", "", "response_path: items"),
    operation(
        "Nango",
        "pagination: { format: page, config: { page_param: page, has_more: rest } }",
        "EXP103",
        "write body.rest",
        "rest",
    ),
    field("Nango", "name: lead", "EXP103", """quote it: '"lead"', or write response.lead to read the field"""),
    field(
        "YAML",
        "name: full_name",
        "EXP103",
        """write response.full_name to read the field, or quote it if it is a fixed text: '"full_name"'""",
    ),
    field("YAML", "name: Not known", "EXP101", """quote it: '"Not known"'"""),
    field("YAML", "name: 01234", "DOC170", """quote it: '"01234"'"""),
    operation("YAML", "query: { zip: 01234 }", "DOC170", 'quote it: "01234"', "01234"),
    operation("Zapier", "query: { limit: query.limit }", "EXP140", 'write "{{query.limit}}"', "query.limit"),
    operation("Zapier", """query: { state: "'open'" }""", "EXP141", "write open", "\"'open'\""),
    field("Zapier", 'name: "{{response.a}} {{response.b}}"', "EXP101", "write response.a & ' ' & response.b"),
    # JavaScript
    connector(
        "JavaScript", "errors: [{ when: status == 404, then: empty }]", "EXP101", "write status = 404", "status == 404"
    ),
    operation("JavaScript", "record_filter: record.a && record.b", "EXP101", "write record.a and record.b"),
    operation("JavaScript", "record_filter: record.a || record.b", "EXP101", "write record.a or record.b"),
    operation("JavaScript", "record_filter: '!record.old'", "EXP101", "write $not(record.old)"),
    field("JavaScript", "name: response.a + ' ' + response.b", "EXP131", "write response.a & ' ' & response.b"),
    field("JavaScript", "name: response['a']", "EXP130", "write .a to read the field", "['a']"),
    field("JavaScript", "name: response.a || 'none'", "EXP101", "write response.a ?? 'none'"),
    connector(
        "JavaScript",
        "errors: [{ when: headers.X-Error = 'a', then: empty }]",
        "EXP144",
        "write headers.`x-error`",
        "headers.X-Error",
    ),
    # not found: only a response shows what is wrong
    text("Airbyte", "", good="      response_path: items\n"),  # the body is not the list of records
    field("JavaScript", "name: response.First_Name"),  # the vendor spells it first_name
    field("JavaScript", "name: response.emails.length"),  # the vendor may have a field of this name
    field("Nango", "name: response.items.name"),  # a mapping is over one record, not over the body
]
"""42 mistakes, of which lint finds all but those without a code."""


def write_workspace(root: Path, mistake: Mistake, *, fixed: bool = False) -> Path:
    """Write the smallest workspace with a mistake, or with its fix."""
    files = {HTTP: CONNECTOR, MAPPING: UNIFIED, "recordings/crm.people.list.json": RECORDING}
    line = mistake.read_fix() if fixed else mistake.wrong
    if mistake.place == "text":
        assert mistake.good in CONNECTOR
        files[HTTP] = CONNECTOR.replace(mistake.good, line, 1)
    else:
        name, before = LAST_LINES[mistake.place]
        indent = before[: len(before) - len(before.lstrip())]
        files[name] = files[name].replace(before, f"{before}{indent}{line}\n", 1)
    root.mkdir(parents=True, exist_ok=True)
    (root / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    for name, text in files.items():
        path = root / "connectors" / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
