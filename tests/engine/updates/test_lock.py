"""conn.lock and the base copies: complete, committed, and without private files."""

import launching
import pytest

from conn_cli.scaffold import create_connector, create_workspace, import_connector, read_bundled
from conn_engine.config import load_workspace
from conn_engine.documents import read_document
from conn_engine.documents.copied_files import compute_files_digest, read_files
from conn_engine.errors import ConfigurationError
from conn_engine.lint import lint_paths
from conn_engine.releases import collect
from conn_engine.releases.opening import _make_file
from conn_engine.updates.copies import BASE_FOLDER, write_base
from conn_engine.updates.lock import LockedConnector, lock_bundled, lock_connector, read_lock


@pytest.fixture
def root(tmp_path):
    create_workspace(tmp_path)
    create_connector(tmp_path, "zendesk")
    return tmp_path


def test_a_bundled_connector_is_locked_with_its_base_copy(root):
    entry = read_lock(root)["zendesk"]
    files = read_bundled("zendesk")
    assert entry.source == "bundled"
    assert entry.digest == f"sha256:{compute_files_digest(files)}" and entry.digest.startswith(
        f"sha256:{entry.revision}"
    )
    assert read_files(root / BASE_FOLDER / "zendesk") == files == read_files(root / "connectors" / "zendesk")


def test_a_skeleton_or_an_import_is_not_locked(root):
    create_connector(root, "own")
    assert list(read_lock(root)) == ["zendesk"]
    import_connector(root, "zendesk", lambda folder: (folder / "connector.yaml").write_text("{}\n"), force=True)
    assert read_lock(root) == {}


def test_git_has_the_base_copies_and_no_store(root):
    _make_file(root / ".conn" / "releases.sqlite3")
    launching.run(["git", "init", "-q"], cwd=root, check=True)

    def list_added():
        command = ["git", "ls-files", "--others", "--exclude-standard", ".conn"]
        return launching.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split()

    assert len(list_added()) >= len(read_bundled("zendesk"))
    assert not [name for name in list_added() if "sqlite" in name]
    (root / ".gitignore").unlink()  # as in a workspace of an earlier version
    assert len(list_added()) >= len(read_bundled("zendesk"))
    assert not [name for name in list_added() if "sqlite" in name]


def test_the_folder_of_an_earlier_version_no_longer_hides_the_base_copies(root):
    ignores = root / ".conn" / ".gitignore"
    ignores.write_text("*\n")
    write_base(root, "own", {"connector.yaml": b"{}"})
    assert "!base/" in ignores.read_text()
    ignores.write_text("# mine\n")
    write_base(root, "own", {"connector.yaml": b"{}"})
    assert ignores.read_text() == "# mine\n"


def test_the_base_copies_are_neither_linted_nor_loaded_nor_released(root):
    before = lint_paths(root, []).files
    write_base(root, "other", {"connector.yaml": b"a: b: c", "README.md": b"```yaml conn=connector\na: b: c\n```\n"})
    result = lint_paths(root, [])
    assert (result.findings, result.files) == ([], before)
    workspace = load_workspace(root)
    assert workspace.connectors() == ["zendesk"]
    assert not [path for path in collect(workspace).manifest.files if ".conn" in path or "lock" in path]


def test_a_base_copy_is_replaced_completely(root):
    write_base(root, "zendesk", {"unified/crm.yaml": b"x"})
    assert read_files(root / BASE_FOLDER / "zendesk") == {"unified/crm.yaml": b"x"}
    assert [path.name for path in (root / BASE_FOLDER).iterdir()] == ["zendesk"]


def test_a_base_folder_that_leads_out_of_the_workspace_is_refused(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (root / ".conn").rename(outside / "conn")
    (root / ".conn").symlink_to(outside / "conn")
    with pytest.raises(ConfigurationError, match="leads out of the workspace"):
        write_base(root, "other", {"connector.yaml": b"{}"})


def test_private_files_are_never_copied(root):
    folder = root / "connectors" / "zendesk"
    before = read_files(folder)
    for name in (".env", "token.local.yaml", "__pycache__/x.pyc", "recordings/.x.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("secret")
    assert read_files(folder) == before


def test_the_digest_does_not_depend_on_line_breaks_or_order():
    assert compute_files_digest({"a": b"1\n2\n", "b": b""}) == compute_files_digest({"b": b"", "a": b"1\r\n2\r\n"})
    assert compute_files_digest({"a": b"1"}) != compute_files_digest({"b": b"1"})


def test_entries_of_other_sources_and_their_own_keys_stay(root):
    lock_connector(root, "shop", LockedConnector("git+https://git.example.com/shop", "4f1c", "sha256:00"))
    path = root / "conn.lock"
    path.write_text(path.read_text().replace("revision: 4f1c", "revision: 4f1c\n    folder: connectors/shop"))
    lock_bundled(root, "abc", {"connector.yaml": b"{}"})
    data = read_document(path, language="yaml").data
    assert list(data["connectors"]) == ["abc", "shop", "zendesk"]
    assert data["connectors"]["shop"]["folder"] == "connectors/shop"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\nconnectors: {}\n", "has the version 2"),
        ("version: 1\n", "has no `connectors`"),
        ("- a\n", "has no `connectors`"),
        ("version: 1\nconnectors: {a: {source: bundled}}\n", '"a" needs source, revision and digest'),
        ("a: b: c\n", "conn.lock:1"),
        ("version: 1\nconnectors:\n<<<<<<< HEAD\n  a: {}\n=======\n>>>>>>> main\n", "conflict of a merge"),
    ],
)
def test_an_invalid_lock_file_is_reported_with_a_fix(root, text, message):
    (root / "conn.lock").write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_lock(root)
    assert caught.value.hint
