"""What the editor shows while somebody types: the findings of `conn lint`, at the right place, and no more work than
the change needs."""

from pathlib import Path

import pytest
from editing import TextEditor

from conn_engine.config import FolderTree
from conn_engine.diagnostics import Severity
from conn_engine.lint import lint_paths
from conn_service.lsp.messages import Problem, TextRange

ACCOUNT = "connector: shop\noverride:\n  crm.contacts.response_mapping:\n    email: $upercase(response.email)\n"
UNIFIED = """\
resources:
  contacts:
    response_mapping:
      id: response.id
      name: |
        "😀" & $upercase(response.name)
    list: {}
"""
SLOW = "connector: shop\noverride: { resources: { contacts: { list: { timeout_seconds: 90 } } } }\n"
CONNECTOR = """\
label: Shop
base_url: https://shop.example.com
resources:
  contacts:
    list: { path: /contacts, response_path: items }
"""


@pytest.fixture
def editor(tmp_path: Path) -> TextEditor:
    files = {
        "conn.yaml": "version: 1\n",
        "connectors/shop/connector.yaml": CONNECTOR,
        "connectors/shop/unified/crm.yaml": UNIFIED,
        "connectors/other/connector.yaml": CONNECTOR.replace("Shop", "Other"),
        "accounts/acme.yaml": ACCOUNT,
        "accounts/other.yaml": "connector: other\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return TextEditor(tmp_path)


def find(problems: list[Problem], code: str) -> Problem:
    (problem,) = [problem for problem in problems if problem.code == code]
    return problem


def test_a_finding_has_its_place_its_code_and_its_fix(editor: TextEditor) -> None:
    problem = find(editor.open("accounts/acme.yaml")["accounts/acme.yaml"], "EXP102")
    assert problem.range == TextRange(3, 11, 3, 20)
    assert problem.severity == 1
    assert problem.message == 'unknown function $upercase\nfix: did you mean "$uppercase"?'


@pytest.mark.parametrize(("encoding", "start"), [("utf-16", 15), ("utf-8", 17), ("utf-32", 14)])
def test_columns_in_a_block_scalar_count_units_of_the_editor(editor: TextEditor, encoding: str, start: int) -> None:
    editor.encoding = encoding
    problem = find(editor.open("connectors/shop/unified/crm.yaml")["connectors/shop/unified/crm.yaml"], "EXP102")
    assert problem.range == TextRange(5, start, 5, start + 9)


def test_the_findings_are_those_of_lint_for_what_is_typed(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml")
    text = ACCOUNT.replace("connector: shop", "connector: shpo")
    shown = editor.type("accounts/acme.yaml", text)["accounts/acme.yaml"]
    (editor.root / "accounts/acme.yaml").write_text(text)
    linted = lint_paths(editor.root, [Path("accounts/acme.yaml")]).findings
    assert [(problem.code, problem.range.line + 1) for problem in shown] == [
        (finding.code, finding.span.line) for finding in linted if finding.span
    ]
    assert linted and linted[0].severity is Severity.ERROR


def test_text_that_is_not_yaml_has_its_finding_until_it_is_again(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml")
    assert [p.code for p in editor.type("accounts/acme.yaml", 'connector: "shop\n')["accounts/acme.yaml"]] == ["DOC002"]
    assert editor.type("accounts/acme.yaml", "connector: shop\n") == {"accounts/acme.yaml": []}


def test_a_change_of_the_connector_reaches_its_open_accounts_only(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml", SLOW)
    for name in ("accounts/other.yaml", "connectors/shop/connector.yaml", "connectors/shop/unified/crm.yaml"):
        editor.open(name)
    shown = editor.type("connectors/shop/connector.yaml", CONNECTOR.replace("contacts:", "people:"))
    assert shown.keys() == {
        "accounts/acme.yaml", "connectors/shop/connector.yaml", "connectors/shop/unified/crm.yaml"
    }  # fmt: skip
    assert [problem.code for problem in shown["accounts/acme.yaml"]] == ["REF142"]


def test_typing_in_an_account_parses_and_lints_that_document_only(
    editor: TextEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        (editor.root / f"accounts/more{number}.yaml").write_text("connector: shop\n")
    for name in ("accounts/acme.yaml", "accounts/more7.yaml", "connectors/shop/connector.yaml", "conn.yaml"):
        editor.open(name)
    parsed = editor.count_parsed(monkeypatch)
    listed: list[str] = []
    entries = FolderTree.entries
    monkeypatch.setattr(FolderTree, "entries", lambda tree, folder: listed.append(folder.name) or entries(tree, folder))
    shown = editor.type("accounts/more7.yaml", "connector: shop\nlabel: More\n")
    assert parsed == ["accounts/more7.yaml"]
    assert "accounts" not in listed
    assert shown.keys() == {"accounts/more7.yaml", "connectors/shop/connector.yaml"}


def test_a_file_outside_of_a_workspace_and_one_that_is_no_document_are_ignored(
    editor: TextEditor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "accounts" / "acme.yaml"
    assert editor.type(str(outside), "connector: [") == {}
    assert editor.type("notes.yaml", "a: [") == {}
    (editor.root / "accounts/linked.yaml").symlink_to(outside)
    assert [problem.code for problem in editor.open("accounts/linked.yaml", "a: 1")["accounts/linked.yaml"]] == [
        "DOC001"
    ]


def test_an_invalid_conn_yaml_leaves_the_other_findings(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml")
    shown = editor.open("conn.yaml", "version: 1\nmodel: []\n")
    assert [problem.code for problem in shown["conn.yaml"]] == ["CFG101"]
    assert "EXP102" in {problem.code for problem in shown["accounts/acme.yaml"]}


def test_closing_returns_to_the_saved_text(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml", SLOW)
    shown = editor.open("connectors/shop/connector.yaml", CONNECTOR.replace("contacts:", "people:"))
    assert [problem.code for problem in shown["accounts/acme.yaml"]] == ["REF142"]
    assert editor.type("connectors/shop/connector.yaml", None) == {"accounts/acme.yaml": []}


def test_a_file_that_changes_on_the_disk_is_read_again(editor: TextEditor) -> None:
    editor.open("accounts/acme.yaml", SLOW)
    (editor.root / "connectors/shop/connector.yaml").write_text(CONNECTOR.replace("contacts:", "people:"))
    assert [problem.code for problem in editor.reload()["accounts/acme.yaml"]] == ["REF142"]
