"""`--watch` in a real terminal and with real files; the scenario `watching` has what it shows."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import launching
import pexpect
import pytest
from transcript import conn

from conn_cli.console import App
from conn_cli.exits import Exit
from conn_cli.file_changes import is_relevant, watch_files
from conn_cli.main import execute
from conn_cli.watch_loop import WatchedResult, repeat_on_changes
from conn_engine.errors import ConfigurationError, UsageError

ROOT = Path(__file__).resolve().parents[2]
MAPPING = "connectors/demo/unified/crm.yaml"


def save_by_rename(path: Path, text: str) -> None:
    """Save as vim and others do: write a hidden file, and rename it."""
    swap = path.with_name(f".{path.name}.swp")
    swap.write_text(text, encoding="utf-8")
    swap.replace(path)


@pytest.mark.slow
def test_a_person_saves_a_file_and_sees_the_changed_result(desk: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(desk), "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm",
        "CONN_NO_KEYRING": "1", "NO_COLOR": "1",
    }  # fmt: skip
    child = launching.show(
        sys.executable, ["-m", "conn_cli.main", "test", "contacts.list", "--watch", "-q"],
        cwd=str(desk), env=environ, encoding="utf-8", timeout=60, dimensions=(40, 100),
    )  # fmt: skip
    try:
        child.expect_exact("Ctrl-C stops")
        path = desk / MAPPING
        text = path.read_text(encoding="utf-8")
        save_by_rename(path, text.replace("email: response.email", "email: response.mail"))
        child.expect(r"crm.contacts.list .* 1 of 2 cases failed")
        child.expect_exact("1 operation newly failed (1 of 1 test run)")
        (desk / "accounts/half.yaml").write_text("connector: [", encoding="utf-8")
        child.expect("accounts/half.yaml:1:1.* error DOC002")
        (desk / "accounts/half.yaml").unlink()
        child.expect_exact("1 operation still fails")
        path.write_text(text, encoding="utf-8")
        child.expect_exact("1 operation passed again (1 of 1 test run)")
        save_by_rename(path, text.replace("email: response.email", "email: response.mail"))
        child.expect_exact("1 operation newly failed")
        child.sendintr()
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert (child.exitstatus, child.signalstatus) == (Exit.FINDINGS, None)


def collect(folder: Path, work: Sequence[object], expected: int) -> list[frozenset[Path]]:
    """The groups of changes until `expected` files were reported."""
    groups: list[frozenset[Path]] = []
    changes = watch_files([folder])
    assert next(changes) == frozenset()
    for step in work:
        step()  # type: ignore[operator]
    for group in changes:
        groups.append(group)
        if len(frozenset().union(*groups)) >= expected:
            break
    changes.close()
    return groups


def test_a_burst_of_saves_is_one_group(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.yaml" for number in range(50)]
    groups = collect(tmp_path, [lambda: [path.write_text("a: 1\n") for path in paths]], 50)
    assert groups == [frozenset(paths)]


def test_files_that_appear_and_vanish_are_reported(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("a: 1\n")
    new = tmp_path / "folder/new.yaml"
    groups = collect(tmp_path, [(tmp_path / "old.yaml").unlink, new.parent.mkdir], 2)
    assert frozenset().union(*groups) == {tmp_path / "old.yaml", new.parent}


@pytest.mark.parametrize(
    ("name", "relevant"),
    [
        ("connectors/a/connector.yaml", True), ("accounts/a.yml", True), ("conn.yaml", True), ("connectors/a", True),
        ("connectors/a/recordings/x.json", True), ("connectors/a/README.md", False),
        ("connectors/a/.connector.yaml.swp", False),
        ("accounts/.#acme.yaml", False), ("accounts/acme.yaml~", False), (".conn/last-test.json", False),
        (".git/config.json", False), ("node_modules/a/package.json", False), ("accounts/acme.yaml.tmp", False),
    ],
)  # fmt: skip
def test_files_of_editors_and_tools_are_not_relevant(tmp_path: Path, name: str, relevant: bool) -> None:
    assert is_relevant(tmp_path / name, tmp_path) is relevant
    assert is_relevant(tmp_path / name, tmp_path, markdown=True) is (relevant or name.endswith(".md"))
    assert not is_relevant(Path("/elsewhere/conn.yaml"), tmp_path)


def test_folders_that_cannot_be_watched_are_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Iterator[set[tuple[int, str]]]:
        raise RuntimeError("OS file watch limit reached")
        yield set()

    monkeypatch.setitem(sys.modules, "watchfiles", SimpleNamespace(watch=refuse))
    with pytest.raises(UsageError, match="the files cannot be watched: OS file watch limit reached") as caught:
        next(watch_files([tmp_path]))
    assert "WATCHFILES_FORCE_POLLING" in caught.value.hint


# --- the loop ---


def repeat(folder: Path, groups: Iterator[frozenset[Path]], update: object) -> tuple[Exit, str, str]:
    out, err = io.StringIO(), io.StringIO()
    app = App(folder=folder, stdout=out, stderr=err, watch=lambda _: groups)
    code = repeat_on_changes(app, folder, lambda: WatchedResult(Exit.OK, lambda: None), update)  # type: ignore[arg-type]
    return code, out.getvalue(), err.getvalue()


def test_errors_are_shown_and_the_next_change_is_awaited(tmp_path: Path) -> None:
    outcomes = iter([ConfigurationError("half"), FileNotFoundError(2, "No such file", "a.yaml"), UsageError("gone")])
    updates: list[frozenset[Path]] = []

    def update(changed: frozenset[Path]) -> WatchedResult:
        updates.append(changed)
        raise next(outcomes)

    changed = frozenset([tmp_path / "a.yaml"])
    ignored = frozenset([tmp_path / ".git/index"])
    code, out, err = repeat(tmp_path, iter([frozenset(), changed, ignored, changed, changed]), update)
    assert code == Exit.USAGE
    assert updates == [changed] * 3
    assert "error: half" in err
    assert "a.yaml: no such file" in err
    assert out.count("\na.yaml\n") == 3


def test_ctrl_c_ends_with_the_exit_code_of_the_last_run(tmp_path: Path) -> None:
    def press() -> Iterator[frozenset[Path]]:
        yield frozenset()
        yield frozenset([tmp_path / "a.yaml"])
        raise KeyboardInterrupt

    code, _, err = repeat(tmp_path, press(), lambda _: WatchedResult(Exit.NO_RECORDING, lambda: None))
    assert (code, err) == (Exit.NO_RECORDING, "")

    def interrupt(*_: object) -> WatchedResult:
        raise KeyboardInterrupt

    assert repeat(tmp_path, press(), interrupt)[0] == Exit.OK
    shown = repeat(tmp_path, press(), lambda _: WatchedResult(Exit.FINDINGS, interrupt))  # type: ignore[arg-type]
    assert shown[0] == Exit.FINDINGS  # at the sight of a result


def test_a_missing_package_is_named_with_its_command(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    out, err = io.StringIO(), io.StringIO()
    app = App(folder=desk, environ={"CONN_NO_KEYRING": "1"}, stdin=io.StringIO(), stdout=out, stderr=err)
    assert execute(["test", "--watch"], app) == Exit.USAGE
    assert err.getvalue() == (
        "error: --watch needs the package watchfiles, which is not installed\n"
        "  fix: install it: pip install watchfiles\n"
    )


def test_a_secret_that_is_saved_while_watching_is_redacted(desk: Path) -> None:
    """The line of the finding has the secret, and it was not in the documents at the start."""
    edit = f"replace {MAPPING} 'email: response.email' 'email: \"response.mail; api_key: sk_live_4242424242424242\"'"
    done = conn(desk, "test", "--watch", stdin=edit)
    assert "sk_live_4242424242424242" not in done.out + done.err
    assert 'email: "[redacted]"' in done.out


def test_a_selection_of_which_nothing_is_left_is_not_a_success(desk: Path) -> None:
    edit = "rm connectors/demo/connector.yaml"
    done = conn(desk, "test", "contacts.get", "--watch", stdin=edit)
    assert done.code != Exit.OK
