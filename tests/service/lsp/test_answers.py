"""Completion, hover, definitions and fixes on the example workspace, also inside block scalars and in documents that
are not valid YAML."""

import json
from pathlib import Path

import pytest
from editing import TextEditor

from conn_cli.scaffold import copy_example
from conn_service.lsp.messages import Suggestion

ACCOUNT = "accounts/acme.yaml"
UNIFIED = "connectors/hubspot/unified/crm.yaml"
CONNECTOR = "connectors/hubspot/connector.yaml"
START = "connector: hubspot\nenvironment: production\noverride:\n  crm.contacts.response_mapping:\n"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("example").resolve()
    copy_example(root / "tour")
    return root / "tour"


@pytest.fixture
def editor(example: Path) -> TextEditor:
    return TextEditor(example)


def find(suggestions: list[Suggestion], label: str) -> Suggestion:
    (found,) = [suggestion for suggestion in suggestions if suggestion.label == label]
    return found


def labels(suggestions: list[Suggestion]) -> list[str]:
    return [suggestion.label for suggestion in suggestions]


# --- completion ---


@pytest.mark.parametrize(
    "value",
    [
        "response.properties.‸",
        '"response.properties.‸"',
        "|\n      '😀' &\n        response.properties.‸\n    id: x",
        "response.properties.(‸",
        "$uppercase(response.properties.‸",
        "{ replace: response.properties.‸ }",
    ],
)
def test_fields_of_recorded_records_with_type_and_example(editor: TextEditor, value: str) -> None:
    found = find(editor.complete(ACCOUNT, f"{START}    email: {value}\n"), "jobtitle")
    assert (found.kind, found.text, found.detail) == ("field", "jobtitle", "string")
    assert found.documentation == 'string  \nexample: `"Head of Procurement"`  \nfilled in 14 of 20 records'


def test_objects_of_a_record_are_fields_too(editor: TextEditor) -> None:
    found = editor.complete(ACCOUNT, f"{START}    email: response.‸\n")
    assert find(found, "properties").detail == "object"
    assert find(found, "properties").documentation == "object  \nfilled in 20 of 20 records"


def test_what_is_replaced_counts_the_units_of_the_editor(editor: TextEditor) -> None:
    found = find(editor.complete(ACCOUNT, f"{START}    email: |\n      '😀' & response.properties.job‸\n"), "jobtitle")
    assert (found.range.line, found.range.character, found.range.end_character) == (5, 33, 36)


def test_names_in_scope_and_functions_with_signatures(editor: TextEditor) -> None:
    found = editor.complete(ACCOUNT, f"{START}    email: $merge([‸\n")
    assert labels(found)[:6] == ["before", "body", "context", "headers", "id", "page"]
    assert find(found, "$uppercase").detail == "$uppercase(text?) → text"
    assert "$pick(" in find(found, "$pick").documentation
    assert find(found, "$base").kind == "variable"


def test_fields_of_the_model_as_keys_without_those_that_are_there(editor: TextEditor) -> None:
    found = editor.complete(ACCOUNT, f"{START}    email: response.id\n    ‸\n    title: response.id\n")
    assert {"first_name", "custom_fields"} <= set(labels(found)) and not {"email", "title"} & set(labels(found))
    assert find(found, "first_name").text == "first_name: "
    assert find(found, "first_name").documentation == "Given name."


def test_base_has_the_fields_of_the_model_and_context_those_of_the_account(editor: TextEditor) -> None:
    assert "first_name" in labels(editor.complete(ACCOUNT, f"{START}    email: $base.‸\n"))
    text = "connector: hubspot\ncontext: { portal_id: '7', ‸\n"
    assert labels(editor.complete(ACCOUNT, text)) == ["extra_properties"]
    text = text.replace(", ‸", "}") + START.replace("connector: hubspot\n", "") + "    email: context.‸\n"
    assert labels(editor.complete(ACCOUNT, text)) == ["portal_id"]


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        (ACCOUNT, "connector: ‸", "hubspot"),
        (ACCOUNT, "connector: hubspot\nenvironment: ‸", "sandbox"),
        (ACCOUNT, "connector: hubspot\noverride: { crm.contacts.list: { method: ‸", "search"),
        (ACCOUNT, "connector: hubspot\noverride:\n  unified:\n    crm:\n      ‸", "companies"),
        (ACCOUNT, "connector: hubspot\noverride: { pagination: { format: ‸", "cursor"),
        ("environments/sandbox.yaml", "connectors:\n  ‸", "github"),
        ("conn.yaml", "version: 1\ndefault_environment: ‸", "production"),
        (ACCOUNT, "connector: hubspot\noverride:\n  crm.co‸", "crm.contacts.response_mapping"),
        (CONNECTOR, "label: x\npagination:\n  format: cursor\n  ‸", "cursor_field"),
        (UNIFIED, "resources:\n  contacts:\n    list:\n      each: ‸", "page"),
        ("syncs/all.yaml", "source: { connector: ‸", "hubspot"),
        ("syncs/all.yaml", "source: { resource: contacts }\ntransform: { id: $up‸ }\n", "$uppercase"),
        (UNIFIED, "resources:\n  contacts:\n    list: { query_mapping: { limit: qu‸", "query"),
    ],
)
def test_keys_values_and_names_of_documents(editor: TextEditor, name: str, text: str, label: str) -> None:
    assert label in labels(editor.complete(name, text))


@pytest.mark.parametrize(
    ("name", "text", "start", "end"),
    [
        ("accounts/new.json", '{"conn‸ector": "x"}', 2, 11),
        (ACCOUNT, '"conn‸ector": x\n', 1, 10),
        (ACCOUNT, "conn‸: x", 0, 4),
    ],
)
def test_a_key_is_replaced_without_its_quotes(editor: TextEditor, name: str, text: str, start: int, end: int) -> None:
    found = find(editor.complete(name, text), "connector")
    assert (found.range.character, found.range.end_character, found.text) == (start, end, "connector")


def test_settings_of_another_format_are_not_suggested(editor: TextEditor) -> None:
    found = labels(editor.complete(CONNECTOR, "label: x\npagination:\n  format: cursor\n  ‸"))
    assert "page_param" not in found and "cursor_path" not in found


def test_expressions_over_a_response_see_its_body(editor: TextEditor) -> None:
    text = (editor.root / CONNECTOR).read_text()
    assert "paging" in labels(editor.complete(CONNECTOR, text.replace("response_path: results", "response_path: ‸", 1)))
    assert "after" in labels(editor.complete(CONNECTOR, text.replace("paging.next.after", "paging.next.‸", 1)))


def test_a_contract_adds_fields_that_no_recording_has(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "items": {"properties": {"mail": {"type": ["string", "null"], "description": "The address."}}},
            }
        },
    }
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": "label: Shop\nbase_url: https://shop.example.com\nresources:\n"
        "  people: { list: { path: /people, response_path: items, response_schema: people.json } }\n",
        "connectors/shop/people.json": json.dumps(schema),
        "connectors/shop/unified/crm.yaml": "resources: { people: { response_mapping: { id: x }, list: {} } }\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    editor = TextEditor(tmp_path.resolve())
    editor.open("connectors/shop/unified/crm.yaml")
    text = "resources: { people: { response_mapping: { id: response.‸ }, list: {} } }\n"
    (found,) = editor.complete("connectors/shop/unified/crm.yaml", text)
    assert (found.label, found.detail, found.documentation) == ("mail", "string", "The address.")


@pytest.mark.parametrize(
    "text", ["a: 'x\n‸", "{", "# ‸", "connector: [", "override: {crm: ‸", "\t‸", "- ‸", "a: |\n  ‸"]
)
def test_any_text_has_an_answer(editor: TextEditor, text: str) -> None:
    text = text if "‸" in text else f"{text}‸"
    for name in (ACCOUNT, UNIFIED, CONNECTOR, "conn.yaml"):
        editor.complete(name, text)
        editor.hover(name, text)
        editor.define(name, text)


# --- hover ---


def test_a_path_has_its_value_on_the_recording(editor: TextEditor) -> None:
    shown = editor.hover(ACCOUNT, f"{START}    email: |\n      response.properties.em‸ail\n")
    assert shown == (
        '`response.properties.email`: string  \nexample: `"ada.okonkwo@example.com"`  \nfilled in 19 of 20 records\n\n'
        '`"ada.okonkwo@example.com"` in the first record of connectors/hubspot/recordings/crm.contacts.get.json'
    )


def test_a_field_has_its_description_and_what_its_expression_gives(editor: TextEditor) -> None:
    shown = editor.hover(ACCOUNT, f"{START}    em‸ail: $uppercase(response.properties.email)\n")
    assert shown.splitlines()[0] == "`email`: The primary e-mail address."
    assert shown.splitlines()[-1].startswith('`"ADA.OKONKWO@EXAMPLE.COM"` in the first record of')
    assert "fails on the first record" in editor.hover(ACCOUNT, f"{START}    em‸ail: $number('x')\n")


def test_another_recording_can_be_chosen(example: Path) -> None:
    editor = TextEditor(example)
    chosen = example / "connectors/hubspot/recordings/crm.contacts.list.json"
    text = f"{START}    email: response.properties.em‸ail\n"
    editor.hover(ACCOUNT, text)
    editor.recording = str(chosen)
    assert editor.hover(ACCOUNT, text).endswith(
        "in the first record of connectors/hubspot/recordings/crm.contacts.list.json"
    )


def test_functions_names_and_keys_have_their_documentation(editor: TextEditor) -> None:
    assert "$uppercase(text?) → text" in editor.hover(ACCOUNT, f"{START}    email: $upper‸case(x)\n")
    shown = editor.hover(ACCOUNT, "conn‸ector: hubspot\n")
    assert shown == "`connector`: The connector that the account uses."
    assert "custom properties" in editor.hover(ACCOUNT, "connector: hubspot\ncontext: { extra‸_properties: [] }\n")


def test_a_hostile_expression_is_stopped_and_no_secret_is_shown(editor: TextEditor) -> None:
    endless = "( $f := function($n) { $f($n + 1) }; $f(0) )"
    assert "fails on the first record" in editor.hover(ACCOUNT, f'{START}    em‸ail: "{endless}"\n')
    context = "connector: hubspot\ncontext: { api_key: sk-live-9d8f7a6b5c4e, portal_id: '1' }\n"
    text = context + START.replace("connector: hubspot\n", "")
    editor.open(ACCOUNT, f"{text}    email: context.api_key\n")
    shown = [
        editor.hover(ACCOUNT, f"{text}    em‸ail: context.api_key\n"),
        editor.hover(ACCOUNT, f"{text}    email: context.api‸_key\n"),
        *(suggestion.documentation for suggestion in editor.complete(ACCOUNT, f"{text}    email: context.‸\n")),
    ]
    assert "(not shown)" in "".join(shown) and "sk-live" not in "".join(shown)


# --- definitions ---


def test_a_field_leads_to_the_levels_that_set_it(editor: TextEditor) -> None:
    lines = (editor.root / UNIFIED).read_text().splitlines()
    base = f"{UNIFIED}:{lines.index('      email: response.properties.email') + 1}"
    assert editor.define(ACCOUNT, f"{START}    em‸ail: response.id\n") == [base]
    assert editor.define(ACCOUNT, f"{START}    email: |\n      $ba‸se.email\n") == [base]


def test_the_environment_comes_before_the_connector(editor: TextEditor) -> None:
    text = "connector: hubspot\nenvironment: sandbox\noverride:\n  base‸_url: https://eu.example.com\n"
    sandbox = (editor.root / "environments/sandbox.yaml").read_text().splitlines()
    assert editor.define(ACCOUNT, text) == [
        f"environments/sandbox.yaml:{sandbox.index('    base_url: http://127.0.0.1:4200/hubspot') + 1}",
        f"{CONNECTOR}:5",
    ]


def test_names_lead_to_what_they_name(editor: TextEditor) -> None:
    assert editor.define(ACCOUNT, "connector: hub‸spot\n") == [f"{CONNECTOR}:1"]
    assert editor.define(ACCOUNT, "connector: hubspot\nenvironment: sand‸box\n") == ["environments/sandbox.yaml:1"]
    lines = (editor.root / CONNECTOR).read_text().splitlines()
    field = f"{CONNECTOR}:{lines.index('  - name: portal_id') + 1}"
    assert editor.define(ACCOUNT, "connector: hubspot\ncontext: { portal‸_id: x }\n") == [field]
    assert editor.define(ACCOUNT, f"{START}    url: context.portal‸_id\n") == [field]
    contacts = lines.index("  contacts:")
    operation = next(
        number for number, line in enumerate(lines[contacts:], contacts + 1) if line.startswith("    get:")
    )
    text = (editor.root / UNIFIED).read_text().replace("    get: {}", "    g‸et: {}", 1)
    assert editor.define(UNIFIED, text) == [f"{CONNECTOR}:{operation}"]


# --- fixes ---


def test_the_fix_of_a_finding_changes_only_what_is_wrong(editor: TextEditor) -> None:
    text = f"{START}    email: |\n      '😀' & $upercase(response.properties.email) /* note */\n"
    editor.open(ACCOUNT, text)
    (action,) = editor.act(ACCOUNT, 5)
    assert (action.code, action.is_certain) == ("EXP102", True)
    assert action.title == 'Fix EXP102: did you mean "$uppercase"?'
    assert (action.range.line, action.range.character, action.range.end_character, action.text) == (5, 16, 16, "p")
    assert editor.act(ACCOUNT, 0) == []
