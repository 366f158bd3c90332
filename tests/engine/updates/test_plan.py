"""What an update does with each file, and that it is written so that nothing of the workspace is lost."""

import shutil

import pytest

from conn_cli.scaffold import create_workspace
from conn_engine.config import load_workspace
from conn_engine.documents.copied_files import read_files
from conn_engine.errors import ConfigurationError
from conn_engine.updates.copies import BASE_FOLDER
from conn_engine.updates.lock import lock_bundled, read_lock
from conn_engine.updates.plan import lay_out_updated, plan_update, write_update

CONNECTOR = b"base_url: https://a.example.com\nresources: {}\n"
BASE = {
    "connector.yaml": CONNECTOR,
    "README.md": b"1\n",
    "recordings/a.json": b"1\n",
    "recordings/b.json": b"1\n",
    "recordings/c.json": b"1\n",
    "expected/a.json": b"1\n",
}


@pytest.fixture
def root(tmp_path):
    create_workspace(tmp_path)
    write(tmp_path, BASE)
    lock_bundled(tmp_path, "shop", BASE)
    return tmp_path


def write(root, files):
    for path, content in files.items():
        target = root / "connectors" / "shop" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True) if content is None else target.write_bytes(content)


def plan(root, mine, newest):
    """The actions for a workspace and a newer version that differ from the base in these files."""
    write(root, mine)
    new = {path: content for path, content in {**BASE, **newest}.items() if content is not None}
    update = plan_update(root, "shop", new)
    return {file.path: (file.action, file.note) for file in update.files}, update, new


def test_what_only_the_newer_version_changes_is_taken(root):
    actions, update, new = plan(
        root,
        {},
        {"recordings/a.json": b"2\n", "recordings/b.json": None, "recordings/d.json": b"2\n", "README.md": b"2"},
    )
    assert actions == {
        "recordings/a.json": ("changed", ""),
        "recordings/b.json": ("removed", ""),
        "recordings/d.json": ("added", ""),
        "README.md": ("changed", ""),
    }
    write_update(root, update, new)
    assert read_files(root / "connectors" / "shop") == new == read_files(root / BASE_FOLDER / "shop")
    assert read_lock(root)["shop"] == update.newest
    assert plan_update(root, "shop", new).is_current


def test_recordings_and_goldens_that_the_workspace_changed_stay_with_a_note(root):
    mine = {
        "recordings/a.json": b"mine\n",
        "recordings/b.json": None,
        "recordings/c.json": b"mine\n",
        "recordings/d.json": b"mine\n",
        "recordings/mine.json": b"mine\n",
        "expected/a.json": b"mine\n",
    }
    actions, update, new = plan(
        root,
        mine,
        {
            "recordings/a.json": b"2\n",
            "recordings/b.json": b"2\n",
            "recordings/c.json": None,
            "recordings/d.json": b"2\n",
        },
    )
    assert actions == {
        "recordings/a.json": ("kept", "yours is different; the newer version changes it"),
        "recordings/b.json": ("kept", "you have removed it; the newer version changes it"),
        "recordings/c.json": ("kept", "yours is different; the newer version removes it"),
        "recordings/d.json": ("kept", "yours is different; the newer version adds it"),
    }
    before = read_files(root / "connectors" / "shop")
    write_update(root, update, new)
    assert read_files(root / "connectors" / "shop") == before


def test_what_both_changed_alike_is_no_change(root):
    same = {"recordings/a.json": b"2\n", "recordings/b.json": None, "connector.yaml": CONNECTOR.replace(b"a.", b"b.")}
    actions, update, _ = plan(root, same, same)
    assert actions == {} and not update.is_current


def test_line_breaks_of_a_checkout_are_no_change_and_stay(root):
    windows = {path: content.replace(b"\n", b"\r\n") for path, content in BASE.items()}
    newer = CONNECTOR.replace(b"a.", b"b.")
    actions, update, new = plan(root, {**windows, "README.md": b"1\n"}, {"connector.yaml": newer, "README.md": b"2\n"})
    assert actions == {"connector.yaml": ("changed", ""), "README.md": ("changed", "")}
    write_update(root, update, new)
    assert read_files(root / "connectors" / "shop")["connector.yaml"] == newer.replace(b"\n", b"\r\n")
    mine = newer.replace(b"resources", b"timeout_seconds: 5 # mine\nresources").replace(b"\n", b"\r\n")
    write(root, {"connector.yaml": mine})
    merged = plan_update(root, "shop", {**new, "connector.yaml": newer.replace(b"b.", b"c.")}).files[0]
    assert (merged.action, merged.content) == ("merged", mine.replace(b"b.", b"c."))


def test_a_document_that_both_changed_is_merged_and_conflicts_have_their_place(root):
    _, update, new = plan(
        root,
        {"connector.yaml": CONNECTOR.replace(b"a.", b"mine.")},
        {"connector.yaml": CONNECTOR.replace(b"a.", b"b.")},
    )
    (file,) = update.conflicts
    assert (file.conflicts, file.lines, file.resolved) == (("base_url",), (1,), CONNECTOR.replace(b"a.", b"mine."))
    with lay_out_updated(load_workspace(root), [update]) as after:
        assert after.document("connector", "shop").data["base_url"] == "https://mine.example.com"
    write_update(root, update, new)
    with pytest.raises(ConfigurationError) as caught:
        load_workspace(root).document("connector", "shop")
    assert [finding.code for finding in caught.value.findings] == ["DOC190"]


def test_the_temporary_copy_leaves_the_workspace_as_it_is(root):
    _, update, _ = plan(root, {}, {"connector.yaml": b"base_url: https://b.example.com\n", "recordings/a.json": None})
    before = read_files(root / "connectors" / "shop")
    with lay_out_updated(load_workspace(root), [update]) as after:
        folder = after.root / "connectors" / "shop"
        assert (folder / "connector.yaml").read_bytes() == b"base_url: https://b.example.com\n"
        assert not (folder / "recordings" / "a.json").exists() and (folder / "recordings" / "b.json").exists()
    assert read_files(root / "connectors" / "shop") == before
    assert not after.root.exists()


@pytest.mark.parametrize("kept", [("conn.lock", ".conn"), (".conn",)], ids=["before the lock", "before the base copy"])
def test_an_interrupted_update_is_completed(root, kept):
    _, update, new = plan(root, {"README.md": b"mine"}, {"connector.yaml": CONNECTOR.replace(b"a.", b"b.")})
    before = root / "before"
    shutil.copytree(root, before)
    write_update(root, update, new)
    after = read_files(root / "connectors" / "shop")
    for name in kept:
        shutil.rmtree(root / name, ignore_errors=True)
        (before / name).rename(root / name) if (before / name).is_dir() else shutil.copy(before / name, root / name)
    again = plan_update(root, "shop", new)
    assert again.files == () and again.locked != again.newest
    write_update(root, again, new)
    assert read_files(root / "connectors" / "shop") == after
    assert plan_update(root, "shop", new).locked == again.newest


def test_a_base_copy_that_is_missing_or_changed_is_an_error(root):
    newest = {**BASE, "README.md": b"2"}
    (root / BASE_FOLDER / "shop" / "README.md").write_text("changed")
    with pytest.raises(ConfigurationError, match=r"differs from conn\.lock"):
        plan_update(root, "shop", newest)
    (root / BASE_FOLDER / "shop").rename(root / "elsewhere")
    with pytest.raises(ConfigurationError, match="shop is missing"):
        plan_update(root, "shop", newest)


def test_the_base_copy_of_the_newest_version_is_written_again(root):
    (root / BASE_FOLDER / "shop").rename(root / "elsewhere")
    update = plan_update(root, "shop", BASE)
    assert (update.is_current, update.locked, update.files) == (True, None, ())
    write_update(root, update, BASE)
    assert read_files(root / BASE_FOLDER / "shop") == BASE
    assert plan_update(root, "shop", BASE).locked == update.newest


def test_the_temporary_copy_has_the_models_of_the_workspace_and_nothing_from_outside(root):
    outside = root.parent / f"{root.name}-outside"
    for folder in (outside, root / "shared" / "models", root / "connectors" / "shop" / ".private"):
        (folder / "crm").mkdir(parents=True)
        (folder / "crm" / "contact.schema.json").write_text("{}")
    path = root / "conn.yaml"
    path.write_text(path.read_text().replace("models: [models]", f"models: [shared/models, shared, ../{outside.name}]"))
    _, update, _ = plan(root, {}, {"README.md": b"2\n"})
    with lay_out_updated(load_workspace(root), [update]) as after:
        names = {path.relative_to(after.root).as_posix() for path in after.root.rglob("*.schema.json")}
        assert names == {"shared/models/crm/contact.schema.json"}
        assert not (after.root.parent / outside.name).exists()
