"""Braces around a complete expression mean nothing: no reader of a configuration sees them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from measuring import cpu_limit

from conn_engine.config import Effective, Workspace, load_workspace
from conn_engine.config.braced_expressions import remove_expression_braces
from conn_engine.config.models import Configuration
from conn_engine.config.reads import is_expression
from conn_engine.documents import iterate_texts
from conn_engine.expressions import braces, remove_braces
from conn_engine.expressions.tokens import lex_template
from conn_engine.lint import lint_paths
from conn_engine.testing.suite import Selection, run_suite

ROOT = Path(__file__).parents[3]
PLACES: dict[str, tuple[str | int, ...]] = {
    "connector.yaml": (),
    "unified": ("unified", "model"),
    "accounts": ("override",),
    "environments": ("connectors", "*"),
}


def add_braces(data: Any, path: tuple[str | int, ...] = ()) -> Any:
    """Return a configuration with braces around every expression."""
    if isinstance(data, dict):
        return {key: add_braces(value, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [add_braces(value, (*path, index)) for index, value in enumerate(data)]
    if isinstance(data, str) and data.strip() and is_expression(Configuration, path):
        return f"{{{{ {data} }}}}"
    return data


def add_braces_to_document(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    if path.name == "connector.yaml":
        return dict(add_braces(data))
    if path.parent.name == "unified":
        return {**data, "resources": add_braces(data["resources"], ("unified", path.stem))}
    if path.parent.name == "accounts":
        return {**data, "override": add_braces(data.get("override") or {})}
    if path.parent.name == "environments":
        return {**data, "connectors": {name: add_braces(part) for name, part in (data.get("connectors") or {}).items()}}
    return data


def strip(data: Any) -> Any:
    """Return data without white space around its texts."""
    if isinstance(data, dict):
        return {key: strip(value) for key, value in data.items()}
    return (
        [strip(value) for value in data] if isinstance(data, list) else data.strip() if isinstance(data, str) else data
    )


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The bundled connectors with the example's accounts: as they are, and with braces around every expression."""
    folders = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("braced")
    for root in (ROOT / "example", ROOT):
        for path in [root / "conn.yaml", *root.glob("[ace]*s/**/*.yaml")]:
            if root == ROOT and path.parts[len(root.parts)] not in ("connectors", "conn.yaml"):
                continue
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            for folder, written in zip(folders, (data, add_braces_to_document(path, data)), strict=True):
                target = folder / path.relative_to(root)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(json.dumps(written), encoding="utf-8")
    return folders


def effective_ones(workspace: Workspace) -> list[Effective]:
    names: list[str | None] = [*workspace.accounts()]
    return [
        *(workspace.effective(account=name) for name in names),
        *(workspace.effective(account=None, connector=name) for name in workspace.connectors()),
    ]


def test_braces_around_every_expression_change_nothing(workspaces: tuple[Path, Path]) -> None:
    plain, braced = (load_workspace(folder) for folder in workspaces)
    written = sum(
        text.startswith("{{ ") for _, document in braced.documents() for _, text in iterate_texts(document.data)
    )
    assert written > 500
    for before, after in zip(effective_ones(plain), effective_ones(braced), strict=True):
        assert [strip(layer.data) for layer in after.layers] == [strip(layer.data) for layer in before.layers]


def test_lint_finds_the_same(workspaces: tuple[Path, Path]) -> None:
    plain, braced = (lint_paths(folder, []) for folder in workspaces)
    facts = [[(f.code, f.message, f.path, f.hint) for f in result.findings] for result in (plain, braced)]
    assert facts[0] == facts[1]


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("{{status = 404}}", "status = 404"),
        (" {{ status = 404 }}\n", "status = 404"),
        ('{{{"a": {"b": 1}}}}', '{"a": {"b": 1}}'),
        ("{{ '}}' }}", "'}}'"),
        ("{{ {{x}} }}", "x"),
        ("{{status == 404}}", "status == 404"),
    ],
)
def test_braces_around_all_of_it_are_removed(text: str, inner: str) -> None:
    assert remove_braces(text) == inner


@pytest.mark.parametrize(
    "text", ["{{a}}{{b}}", "{{a}} & b", "{{}}", "{{a", "{a: b}", '{{"a": "k"}.a: {"b": 1}}', "{{a}} }}"]
)
def test_other_braces_stay(text: str) -> None:
    assert remove_braces(text) == text


CONNECTOR = """\
base_url: https://api.example.com
errors:
  - { when: "{{ status == 404 }}", then: empty }
resources:
  people:
    list: { method: get, path: /people, query: { q: "{{ {{query.q}} }}" }, response_path: "{{items}}" }
"""


def write(folder: Path, text: str) -> Workspace:
    path = folder / "connectors" / "shop" / "connector.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    (folder / "conn.yaml").write_text("version: 1\n", encoding="utf-8")
    return load_workspace(folder)


def test_a_syntax_error_inside_braces_is_where_it_is_written(tmp_path: Path) -> None:
    write(tmp_path, CONNECTOR)
    found = {f.path: (f.code, f.span.line, f.span.column) for f in lint_paths(tmp_path, []).findings if f.span}
    assert found["errors[0].when"] == ("EXP101", 3, CONNECTOR.splitlines()[2].index("= 404") + 1)


def test_a_template_does_not_take_braces_inside_braces(tmp_path: Path) -> None:
    write(tmp_path, CONNECTOR)
    found = {f.path: f.code for f in lint_paths(tmp_path, []).findings}
    assert found["resources.people.list.query.q"] == "EXP101"


RECORDING = """\
{"format": 1, "connector": "shop", "operation": "people.list", "scenario": "default", "source": "sample",
 "recorded_at": "2026-01-01T00:00:00Z", "base_url": "https://api.example.com", "call": {},
 "exchanges": [{"request": {"method": "GET", "url": "https://api.example.com/people"},
                "response": {"status": 200, "body": {"items": [{"id": "x"}]}}}]}
"""


def test_an_error_of_a_run_is_where_it_is_written(tmp_path: Path) -> None:
    text = CONNECTOR.replace("==", "=").replace(
        'query: { q: "{{ {{query.q}} }}" }', 'record_filter: "{{ record.id + 1 }}"'
    )
    workspace = write(tmp_path, text)
    recordings = tmp_path / "connectors" / "shop" / "recordings"
    recordings.mkdir()
    (recordings / "people.list.json").write_text(RECORDING, encoding="utf-8")
    (report,) = run_suite(workspace, Selection())
    (span,) = [f.span for f in report.all_findings if f.code == "EXP301"]
    assert span is not None
    assert (span.line, span.column) == (6, text.splitlines()[5].index("record.id + 1") + 1 + len("record.id "))


def test_many_braced_expressions_are_copied_once() -> None:
    mapping = {f"field{number}": "{{response.id}}" for number in range(50_000)}
    data = {"unified": {"crm": {"contacts": {"list": {"response_mapping": mapping}}}}}
    with cpu_limit(20):
        made = remove_expression_braces(data, Configuration)
    assert {*made["unified"]["crm"]["contacts"]["list"]["response_mapping"].values()} == {"response.id"}
    assert {*mapping.values()} == {"{{response.id}}"}


def test_a_text_of_braces_is_read_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(braces, "lex_template", lambda *at: read.append(at) or lex_template(*at))
    remove_braces("{{" * 200 + "a" + "}}" * 200)
    assert len(read) == 4
    assert remove_braces("{{ {{a}} }}") == "a"
