"""The logins of a workspace: which folders may use them, what each is for, and what an earlier release stored."""

import json
import shutil
from pathlib import Path

import pytest
from drawer import KEY, Drawer

from conn_engine.errors import CredentialError
from conn_engine.secrets.vault import FileVault, Issue, KeyringVault, MemoryVault, WorkspaceVault, open_vault
from conn_engine.secrets.vault.folders import to_file_name

STORED = Path(__file__).parent / "stores"  # written by the release before ids: account acme, under KEY
DOCUMENT = {"api_key": "key-stored-before-ids"}
ID = "shop-of-tests"


@pytest.fixture(params=["encrypted file", "keyring"])
def stores(request, tmp_path):
    """Opens stores by name; all that are opened share one place."""
    drawer = Drawer()
    if request.param == "keyring":
        return lambda name: KeyringVault(drawer, tmp_path / "state", service=f"conn {name}")
    return lambda name: FileVault(tmp_path / "state" / to_file_name(name), KEY)


@pytest.fixture
def folders(tmp_path):
    made = [tmp_path / name for name in ("first", "second")]
    for folder in made:
        folder.mkdir()
    return [str(folder) for folder in made]


def refused(vault, action):
    with pytest.raises(CredentialError, match="cannot use them yet") as caught:
        action()
    assert caught.value.hint.startswith("conn auth adopt")
    return caught.value.message


# --- folders


def test_the_first_folder_that_stores_is_registered_and_others_are_refused(stores, folders):
    first, second = folders
    vault = WorkspaceVault(stores, ID, first)
    vault.save("acme", {"api_key": "1"})
    assert WorkspaceVault(stores, ID, first).load("acme") == {"api_key": "1"}
    other = WorkspaceVault(stores, ID, second)
    assert other.load("globex") is None, "there is nothing to keep from it"
    for action in (
        lambda: other.load("acme"),
        lambda: other.find("acme"),
        lambda: other.save("acme", {"api_key": "2"}),
        lambda: other.save("globex", {"api_key": "2"}, Issue(("evil.example",))),
        lambda: other.delete("acme"),
    ):
        assert first in refused(other, action)
    other.mark("acme", hosts=("evil.example",))
    assert "cannot use them yet" in other.notices[0]
    assert WorkspaceVault(stores, ID, first).find("acme").issue == Issue()


def test_an_adopted_folder_uses_them_all(stores, folders, tmp_path):
    first, second = folders
    vault = WorkspaceVault(stores, ID, first)
    vault.save("acme", {"api_key": "1"}, Issue(("api.example.com",)))
    other = WorkspaceVault(stores, ID, second)
    assert other.folders == (first,)
    assert other.issue_of("acme") == Issue(("api.example.com",))
    other.adopt()
    assert other.load("acme") == {"api_key": "1"}
    vault.save("globex", {"api_key": "2"})
    assert WorkspaceVault(stores, ID, second).load("globex") == {"api_key": "2"}
    assert other.folders == (first, second)
    Path(first).rmdir()
    other.adopt()
    assert other.folders == (second,), "a folder that is gone may be made by anybody"


def test_a_workspace_without_an_id_has_its_folder_for_one(stores, folders):
    first, second = folders
    vault = WorkspaceVault(stores, first, first)
    vault.save("acme", {"api_key": "1"})
    assert not vault.adoptable
    assert WorkspaceVault(stores, first, first).load("acme") == {"api_key": "1"}
    assert WorkspaceVault(stores, second, second).load("acme") is None


def test_a_store_that_does_not_know_its_folder_refuses(stores, folders):
    WorkspaceVault(stores, ID).save("acme", {"api_key": "1"})
    other = WorkspaceVault(stores, ID, folders[0])
    assert "do not record their folder" in refused(other, lambda: other.load("acme"))


# --- what each is for


def test_what_is_known_stays_through_renewals_and_not_through_log_ins(stores, folders):
    vault = WorkspaceVault(stores, ID, folders[0])
    vault.save("acme", {"token": "1"}, Issue(("api.example.com",), 5.0))
    vault.save("acme", {"token": "2"})
    assert vault.find("acme").issue == Issue(("api.example.com",), 5.0)
    vault.mark("acme", verified_at=7.0)
    assert vault.find("acme").issue == Issue(("api.example.com",), 7.0)
    vault.save("acme", {"token": "3"}, Issue(("eu.example.com",)))
    assert vault.find("acme").issue == Issue(("eu.example.com",))
    assert vault.find("acme").document == {"token": "3"}
    vault.mark("nobody", verified_at=1.0)
    assert vault.load("nobody") is None


def test_a_format_of_a_later_release_is_left_alone(stores, folders):
    stores(folders[0]).save("acme", {"$format": 3, "document": {"token": "1"}})
    with pytest.raises(CredentialError, match="a format that this version cannot read"):
        WorkspaceVault(stores, folders[0], folders[0]).load("acme")


# --- what an earlier release stored


@pytest.fixture
def earlier(tmp_path, folders):
    """A state folder as the release before ids left it, for the workspace in the first folder."""
    home = tmp_path / "earlier" / "credentials" / to_file_name(folders[0])
    home.mkdir(parents=True)
    for path in STORED.glob("*.json"):
        shutil.copy(path, home / path.name)
    return {"CONN_STATE_DIR": str(tmp_path / "earlier"), "CONN_VAULT_KEY": KEY, "CONN_NO_KEYRING": "1"}


def test_a_store_of_before_ids_opens(earlier, folders):
    vault = open_vault(earlier, workspace=folders[0], place=folders[0])
    assert vault.load("acme") == DOCUMENT
    assert vault.find("acme").issue == Issue()
    vault.mark("acme", hosts=("api.shop.example",))
    assert open_vault(earlier, workspace=folders[0], place=folders[0]).find("acme").issue.hosts == ("api.shop.example",)


def test_it_moves_under_the_id_and_is_found_from_a_branch_without_one(earlier, folders, tmp_path):
    first, second = folders
    vault = open_vault(earlier, workspace=ID, place=first)
    assert vault.load("acme") == DOCUMENT
    assert vault.store.folders == (first,)
    assert FileVault(tmp_path / "earlier" / "credentials" / to_file_name(first), KEY).load("acme") is None
    assert open_vault(earlier, workspace=ID, place=first).load("acme") == DOCUMENT
    before = open_vault(earlier, workspace=first, place=first)
    assert before.load("acme") == DOCUMENT
    before.save("acme", {"api_key": "renewed on the branch"})
    assert open_vault(earlier, workspace=ID, place=first).load("acme") == {"api_key": "renewed on the branch"}
    clone = open_vault(earlier, workspace=ID, place=second)
    refused(clone, lambda: clone.load("acme"))
    assert open_vault(earlier, workspace="another-id-of-it", place=first).load("acme") is None
    branch = open_vault(earlier, workspace=first, place=first)
    assert branch.delete("acme")
    assert open_vault(earlier, workspace=ID, place=first).load("acme") is None


def test_an_entry_of_a_keyring_of_before_ids(tmp_path, folders):
    drawer = Drawer()
    drawer.entries[f"conn {folders[0]}", "acme"] = json.dumps(DOCUMENT)
    opened = {"backend": drawer, "folder": tmp_path}
    vault = WorkspaceVault(lambda name: KeyringVault(**opened, service=f"conn {name}"), ID, folders[0])
    assert vault.load("acme") == DOCUMENT
    assert {service for service, _ in drawer.entries} == {f"conn {ID}", f"conn {folders[0]}"}
    assert json.loads(drawer.entries[f"conn {folders[0]}", "$workspace"]) == {"moved_to": ID}


def test_a_clone_cannot_claim_what_the_folder_of_another_has(earlier, folders):
    first, second = folders
    clone = open_vault(earlier, workspace=ID, place=second)
    assert clone.load("acme") is None
    clone.save("acme", {"api_key": "of the clone"})
    vault = open_vault(earlier, workspace=ID, place=first)
    assert second in refused(vault, lambda: vault.load("acme"))


class ReadOnly(MemoryVault):
    def save(self, account, document):
        raise CredentialError("the store is read only")


def test_a_store_that_cannot_be_written_is_still_read(folders):
    kept = {folders[0]: ReadOnly({"acme": DOCUMENT}), ID: ReadOnly()}
    vault = WorkspaceVault(kept.__getitem__, ID, folders[0])
    assert vault.load("acme") == DOCUMENT
    assert "the store is read only" in vault.notices[0]
    plain = WorkspaceVault(kept.__getitem__, folders[0], folders[0])
    plain.mark("acme", hosts=("api.example.com",))
    assert "the store is read only" in plain.notices[0]


def test_files_of_a_store_share_the_work_of_deriving_their_key(tmp_path, folders, monkeypatch):
    import hashlib

    calls = []
    scrypt = hashlib.scrypt
    monkeypatch.setattr(hashlib, "scrypt", lambda *given, **options: calls.append(1) or scrypt(*given, **options))
    environ = {"CONN_STATE_DIR": str(tmp_path / "state"), "CONN_VAULT_KEY": KEY, "CONN_NO_KEYRING": "1"}
    for account in ("acme", "globex"):
        open_vault(environ, workspace=ID, place=folders[0]).save(account, {"api_key": account})
    calls.clear()
    vault = open_vault(environ, workspace=ID, place=folders[0])
    assert [vault.load(account)["api_key"] for account in ("acme", "globex")] == ["acme", "globex"]
    assert len(calls) == 1
