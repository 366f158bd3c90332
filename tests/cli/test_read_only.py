"""Commands that edit documents name a file that is read-only, and leave it unchanged."""

import json

from transcript import conn

LONG = "connector:   'demo'\noverrride: {}\n"


def test_a_read_only_document_is_reported_and_stays(desk):
    account = desk / "accounts/me.yaml"
    account.write_text(LONG)
    account.chmod(0o444)
    fixed = conn(desk, "lint", "--fix")
    assert (fixed.code, account.read_text()) == (1, LONG)
    assert "error DOC010  cannot write accounts/me.yaml: it is read-only, and 1 finding could be fixed" in fixed.out
    assert "chmod u+w accounts/me.yaml" in fixed.out
    report = json.loads(conn(desk, "lint", "--fix", "--format", "json").out)
    assert "DOC010" in [finding["code"] for finding in report["findings"]]
    dry = conn(desk, "lint", "--fix", "--dry-run")
    assert (dry.code, "accounts/me.yaml: it is read-only" in dry.err) == (1, True)
    formatted = conn(desk, "fmt")
    assert (formatted.code != 0, account.read_text()) == (True, LONG)
    assert "cannot write accounts/me.yaml: it is read-only" in formatted.err
    account.chmod(0o644)
    assert conn(desk, "lint", "--fix").code == 0
    assert conn(desk, "fmt").out == "formatted accounts/me.yaml\n5 files checked, 1 formatted\n"
    assert account.read_text() == "connector: demo\noverride: {}\n"
