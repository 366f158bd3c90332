"""`conn update` with a base from Git, and with a lock file that does not fit the workspace."""

import launching
from transcript import conn

from conn_cli.scaffold import create_connector, create_workspace, read_bundled
from conn_engine.documents.copied_files import read_files
from conn_engine.updates.copies import BASE_FOLDER
from conn_engine.updates.lock import lock_bundled


def test_a_commit_is_the_base_of_a_copy_without_a_lock(tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "zendesk")
    path = tmp_path / "connectors" / "zendesk" / "connector.yaml"
    newest = path.read_text()
    path.write_text(newest.replace("label: Zendesk", "label: Earlier"))
    (tmp_path / "conn.lock").unlink()
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "1"],
    ):
        launching.run(["git", *command], cwd=tmp_path, check=True)
    path.write_text(path.read_text() + "# ours\n")
    run = conn(tmp_path, "update", "zendesk", "--base", "HEAD")
    assert run.code == 0, run.err
    assert "  merged    connectors/zendesk/connector.yaml\n" in run.out and "no account uses zendesk" in run.out
    assert path.read_text() == newest + "# ours\n"
    assert read_files(tmp_path / BASE_FOLDER / "zendesk") == read_bundled("zendesk")
    assert conn(tmp_path, "update", "--check").code == 0


def test_an_entry_of_a_removed_connector_is_an_error(tmp_path):
    create_workspace(tmp_path)
    lock_bundled(tmp_path, "gone", {"connector.yaml": b"{}"})
    run = conn(tmp_path, "update", "--check")
    assert run.code == 2 and "conn.lock has gone, which is not in the workspace" in run.err
