"""A finding has its fix as edits: for each of the first mistakes, the edited text is the one that the fix names."""

from pathlib import Path

import pytest
from first_mistakes import HTTP, MAPPING, MISTAKES, Mistake, write_workspace

from conn_engine.diagnostics import Severity
from conn_engine.documents import parse
from conn_engine.documents.edits import apply_edits
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths

UNCERTAIN = {"EXP140", "EXP141", "EXP142", "EXP143"}
"""Codes of findings about text that is valid, so that only its author knows what is meant."""
AMBIGUOUS = {"url: /people"}
"""Unknown keys that other tools use for several of ours."""
WITHOUT = {
    """write response.full_name to read the field, or quote it if it is a fixed text: '"full_name"'""",
    "write body.last",
    "write body.rest",
    """quote it: '"lead"', or write response.lead to read the field""",
}
"""Fixes that are not edits: the name may be misspelled instead, or two fixes are possible."""


@pytest.mark.parametrize(
    "mistake", [mistake for mistake in MISTAKES if mistake.is_found], ids=lambda one: one.wrong[:40]
)
def test_the_edits_write_what_the_fix_names(mistake: Mistake, tmp_path: Path) -> None:
    found = lint_paths(write_workspace(tmp_path / "wrong", mistake), []).findings
    (finding,) = [finding for finding in found if finding.severity is not Severity.INFO]
    if mistake.fix in WITHOUT:
        assert finding.fix is None
        return
    assert finding.fix is not None
    assert finding.fix.is_certain == (finding.code not in UNCERTAIN and mistake.wrong not in AMBIGUOUS)
    path = tmp_path / "wrong" / finding.fix.file
    fixed = apply_edits(path.read_text(encoding="utf-8"), finding.fix.file, finding.fix.edits)
    other = write_workspace(tmp_path / "fixed", mistake, fixed=True)
    name = HTTP if finding.fix.file.endswith(HTTP) else MAPPING
    assert parse(fixed, name).data == parse((other / "connectors" / "shop" / name).read_text("utf-8"), name).data


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("path: {{id}}\n", 'path: "{{id}}"\n'),
        ("path: {{id}}/x # the ID\n", 'path: "{{id}}/x" # the ID\n'),
        ("- {{id}}\n", '- "{{id}}"\n'),
        ("a: {{b}} {{c}}\n", 'a: "{{b}} {{c}}"\n'),
        ("a: @x\n", 'a: "@x"\n'),
        ("a: *\n", 'a: "*"\n'),
        ("a: 'x' & y\n", "a: \"'x' & y\"\n"),
        ('a: "x" & y\n', "a: '\"x\" & y'\n"),
        ("x:\r\n  - a: b ? 'c' : d\r\n    e: f\r\n", "x:\r\n  - a: \"b ? 'c' : d\"\r\n    e: f\r\n"),
        ("q: {a: {{id}}}\n", 'q: {a: "{{id}}"}\n'),
        ("q: [{{id}}, x]\n", 'q: ["{{id}}", x]\n'),
        ("a: [x].y\n", None),
        ("a: b\n  c: d\n", None),
        ('a: "\\d"\n', None),
        ("a: 'x\n", None),
    ],
)
def test_a_value_that_is_not_yaml_is_quoted(text: str, fixed: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "a.yaml")
    (finding,) = caught.value.findings
    if fixed is None:
        assert finding.fix is None
    else:
        assert finding.fix is not None
        assert apply_edits(text, "a.yaml", finding.fix.edits) == fixed
        parse(fixed, "a.yaml")
