"""`fix_paths` applies each certain fix once, in rounds, and leaves what it cannot fix without making it worse."""

from pathlib import Path

import pytest
from first_mistakes import CONNECTOR, HTTP, MAPPING, MISTAKES, Mistake, write_workspace

from conn_engine.diagnostics import Severity
from conn_engine.errors import UsageError
from conn_engine.lint import lint_paths
from conn_engine.lint.fixing import FixedTexts, fix_paths, write_fixed_texts

SHOP = "connectors/shop"
LIST = "      response_path: items\n"


def make(root: Path, operation: str = "", field: str = "") -> Path:
    """Write the workspace without a mistake, with lines added to its operation and its mapping."""
    write_workspace(root, MISTAKES[0], fixed=True)
    for name, lines in ((HTTP, operation), (MAPPING, field)):
        path = root / SHOP / name
        text = path.read_text("utf-8")
        path.write_text(text.replace(LIST, LIST + lines) if name == HTTP else text + lines, "utf-8")
    return root


def fix(root: Path) -> FixedTexts:
    fixed = fix_paths(root, [])
    write_fixed_texts(fixed)
    return fixed


def errors(root: Path) -> list[str]:
    return [finding.code for finding in lint_paths(root, []).findings if finding.severity is Severity.ERROR]


@pytest.mark.parametrize(
    "mistake", [mistake for mistake in MISTAKES if mistake.is_found], ids=lambda one: one.wrong[:40]
)
def test_a_certain_fix_is_applied_and_nothing_is_left(mistake: Mistake, tmp_path: Path) -> None:
    write_workspace(tmp_path, mistake)
    (found,) = [finding for finding in lint_paths(tmp_path, []).findings if finding.severity is not Severity.INFO]
    fixed = fix(tmp_path)
    if found.fix is None or not found.fix.is_certain:
        assert (fixed.changed_files, fixed.applied) == ([], [])
        return
    assert [(one.code, one.line) for one in fixed.applied] == [(found.code, found.span.line if found.span else 0)]
    assert fixed.changed_files == [found.fix.file]
    assert [finding.severity for finding in lint_paths(tmp_path, []).findings if finding.severity > 1] == []
    before, after = (texts[found.fix.file].splitlines() for texts in (fixed.before, fixed.after))
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert fix(tmp_path).applied == []


def test_what_a_fix_uncovers_is_fixed_in_the_next_round(tmp_path: Path) -> None:
    make(
        tmp_path,
        "      params: { limit: {{query.limit}} }  # a comment\n"
        "      record_filter: record.a && record.b\n"
        "      pagination: { format: cursr, config: { cursor_field: next, limit_param: 7 } }\n",
        "        name: {{response.a}} {{response.b}}\n",
    )
    fixed = fix(tmp_path)
    codes = ["CFG101", "DOC009", "EXP101", "", "CFG102", "CFG105", "DOC002", "EXP101"]
    assert [one.code for one in fixed.applied] == codes
    assert errors(tmp_path) == []
    text = (tmp_path / SHOP / HTTP).read_text("utf-8")
    assert '      query: { limit: "{{query.limit}}" }  # a comment\n' in text
    assert '{ format: cursor, config: { cursor_field: next, size_param: "7" } }' in text
    assert fix(tmp_path).changed_files == []


@pytest.mark.parametrize(
    "line",
    [
        "      pth: /people\n",  # the key that is meant exists
        "      idempotnt: perhaps\n",  # another error would appear at the same place
        "      headers: &a { b: c }\n      body: { x: *a }\n      qury: *a\n      errrs: 7\n",
    ],
)
def test_a_fix_that_does_not_help_is_left_out(line: str, tmp_path: Path) -> None:
    make(tmp_path, line)
    before = errors(tmp_path)
    assert before
    fixed = fix(tmp_path)
    assert [one.fix for one in fixed.applied if one.fix != 'did you mean "query"?'] == []
    assert len(errors(tmp_path)) == len(before) - len(fixed.applied)


def test_an_aliased_text_is_not_changed_behind_its_other_place(tmp_path: Path) -> None:
    make(tmp_path, '      query: { a: &x "{{ query.a | upper }}" }\n      headers: { b: *x }\n')
    fixed = fix(tmp_path)
    assert fixed.changed_files == []
    assert "EXP101" in errors(tmp_path)


def test_good_fixes_are_applied_beside_a_bad_one(tmp_path: Path) -> None:
    make(tmp_path, "      idempotnt: perhaps\n      qery: { a: b }\n      heders: { a: b }\n")
    assert sorted(one.fix for one in fix(tmp_path).applied) == ['did you mean "headers"?', 'did you mean "query"?']
    assert errors(tmp_path) == ["CFG101"]


def test_settings_get_their_current_names(tmp_path: Path) -> None:
    make(tmp_path, "      pagination: { format: page, config: { page_param: page, per_page: 10 } } # ten\n")
    (one,) = fix(tmp_path).applied
    assert (one.code, one.fix) == ("", "write size")
    assert "page_param: page, size: 10 } } # ten\n" in (tmp_path / SHOP / HTTP).read_text("utf-8")


def test_names_of_the_workspace_are_corrected_in_accounts(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "accounts").mkdir()
    account = tmp_path / "accounts" / "acme.yaml"
    account.write_text("connector: shopp\noverride:\n  people: { response_mapping: { id: response.key } }\n", "utf-8")
    assert [one.code for one in fix(tmp_path).applied] == ["REF101", "REF142"]
    assert "crm.people:" in account.read_text("utf-8")
    assert errors(tmp_path) == []


def test_only_chosen_documents_that_people_write_are_changed(tmp_path: Path) -> None:
    make(tmp_path, "      params: { a: b }\n")
    base = tmp_path / ".conn" / "base" / "shop" / "connector.yaml"
    base.parent.mkdir(parents=True)
    base.write_text(CONNECTOR.replace("response_path", "data_selector"), "utf-8")
    mapping = tmp_path / SHOP / MAPPING
    assert fix_paths(tmp_path, [mapping]).changed_files == []
    assert fix_paths(tmp_path, []).changed_files == [f"{SHOP}/{HTTP}"]
    (tmp_path / SHOP / HTTP).chmod(0o444)
    fixed = fix_paths(tmp_path, [])
    assert fixed.changed_files == []
    assert [(one.code, one.span.file, one.severity) for one in fixed.skipped] == [
        ("DOC010", f"{SHOP}/{HTTP}", Severity.ERROR)
    ]
    assert fixed.skipped[0].hint.endswith(f"chmod u+w {SHOP}/{HTTP}")
    assert fix_paths(tmp_path, [mapping]).skipped == []
    assert "data_selector" in base.read_text("utf-8")


def test_a_folder_without_conn_yaml_is_fixed(tmp_path: Path) -> None:
    make(tmp_path, "      params: { a: b }\n")
    (tmp_path / "conn.yaml").unlink()
    assert fix(tmp_path).changed_files == [f"{SHOP}/{HTTP}"]
    assert errors(tmp_path) == []


def test_nothing_is_written_if_a_file_was_changed_meanwhile(tmp_path: Path) -> None:
    make(tmp_path, "      params: { a: b }\n", "        name: response.a || 'x'\n")
    fixed = fix_paths(tmp_path, [])
    assert fixed.changed_files == [f"{SHOP}/{HTTP}", f"{SHOP}/{MAPPING}"]
    mapping, connector = tmp_path / SHOP / MAPPING, tmp_path / SHOP / HTTP
    mapping.write_text(mapping.read_text("utf-8") + "# mine\n", "utf-8")
    with pytest.raises(UsageError, match="changed meanwhile"):
        write_fixed_texts(fixed)
    assert "params" in connector.read_text("utf-8")
    assert mapping.read_text("utf-8").endswith("# mine\n")


def test_the_diff_shows_the_changed_lines_only(tmp_path: Path) -> None:
    make(tmp_path, "      params: { a: b }\n")
    lines = fix_paths(tmp_path, []).format_diff().splitlines()
    assert lines[:2] == [f"--- a/{SHOP}/{HTTP}", f"+++ b/{SHOP}/{HTTP}"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-      params: { a: b }", "+      query: { a: b }"]
