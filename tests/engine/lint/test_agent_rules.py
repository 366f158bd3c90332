"""SRV103: what agents get of an account, and the fix that the finding names."""

from pathlib import Path

from bad_workspaces import EXPRESSIONS, LONG_LIST, LONG_NAMES, make

from conn_engine.lint import lint_paths


def find_codes(root: Path) -> set[str]:
    return {finding.code for finding in lint_paths(root, []).findings}


def test_disabled_operations_need_no_tokens(tmp_path: Path) -> None:
    (bad,) = [bad for bad in EXPRESSIONS if any(code == "SRV103" for code, *_ in bad.found)]
    root = make(tmp_path, bad)
    assert "SRV103" in find_codes(root)
    path = root / LONG_NAMES
    path.write_text(path.read_text().replace(LONG_LIST, LONG_LIST.replace("{", "{enabled: false, ", 1), 4))
    assert "SRV103" not in find_codes(root)


def test_more_resources_than_are_named_are_no_finding(tmp_path: Path) -> None:
    lists = "".join(f"  thing_{number}: {{list: {LONG_LIST}}}\n" for number in range(60))
    root = make(tmp_path)
    (root / LONG_NAMES).write_text(f"resources:\n{lists}")
    assert find_codes(root) == {"REC101"}
