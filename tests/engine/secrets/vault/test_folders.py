"""What outlives a run is for its owner only, whatever the umask says, and at every moment."""

import os
import stat

import pytest

from conn_engine.secrets.vault import FileVault, open_vault
from conn_engine.secrets.vault.folders import make_private_folder
from conn_engine.secrets.vault.locks import Locks

KEY = "a long passphrase for tests"


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777], ids=lambda mask: f"umask {mask:03o}")
def mask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def asked(monkeypatch):
    """The permissions that each folder and file is asked to be made with."""
    found: list[tuple[str, int]] = []
    mkdir, open_ = os.mkdir, os.open

    def making(path, mode=0o777, *rest, **options):
        mkdir(path, mode, *rest, **options)  # raises for one that exists
        found.append((str(path), mode))

    def opening(path, flags, mode=0o777, *rest, **options):
        if flags & os.O_CREAT:
            found.append((str(path), mode))
        return open_(path, flags, mode, *rest, **options)

    monkeypatch.setattr(os, "mkdir", making)
    monkeypatch.setattr(os, "open", opening)
    return found


def modes(top):
    return {path: stat.S_IMODE(path.stat().st_mode) for path in [top, *top.rglob("*")]}


def check(top, asked):
    for path, mode in modes(top).items():
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path}: {mode:o}"
    made = [(path, mode) for path, mode in asked if path.startswith(str(top))]
    assert made
    assert all(not mode & 0o077 for _, mode in made), made


def test_an_encrypted_store(tmp_path, mask, asked):
    state = tmp_path / "new" / "state"
    environ = {"CONN_VAULT_KEY": KEY, "CONN_STATE_DIR": str(state), "CONN_NO_KEYRING": "1"}
    vault = open_vault(environ, workspace="shop-of-tests", place=str(tmp_path))
    with vault.exclusive("acme"):
        vault.save("acme", {"api_key": "k"})
    vault.save("acme", {"api_key": "k-2"})
    assert vault.load("acme") == {"api_key": "k-2"}
    check(tmp_path / "new", asked)
    assert len(list(state.rglob("*.json"))) == 2


def test_locks_of_the_environment_and_of_a_keyring(tmp_path, mask, asked):
    environ = {"CONN_STATE_DIR": str(tmp_path / "state"), "CONN_ACME_TOKEN": "t", "CONN_NO_KEYRING": "1"}
    with open_vault(environ, accounts=["acme"]).exclusive("acme"):
        pass
    check(tmp_path / "state", asked)


def test_what_an_earlier_release_left_open_is_closed(tmp_path):
    folder = tmp_path / "state" / "credentials" / "shop"
    (folder / "locks").mkdir(parents=True)
    for path in (tmp_path / "state", folder.parent, folder, folder / "locks"):
        path.chmod(0o755)
    lock = folder / "locks" / "old.lock"
    vault = FileVault(folder, KEY, top=tmp_path / "state" / "credentials")
    vault.save("acme", {"api_key": "k"})
    with vault.exclusive("acme"):
        pass
    left = modes(tmp_path / "state")
    assert left.pop(tmp_path / "state") == 0o755, "a folder that somebody named may have other uses"
    assert set(left.values()) == {0o700, 0o600}
    assert not lock.exists()


def test_the_platforms_own_folder_is_closed_as_a_whole(tmp_path):
    state = tmp_path / "conn"
    state.mkdir(mode=0o755)
    environ = {"CONN_VAULT_KEY": KEY, "XDG_STATE_HOME": str(tmp_path), "CONN_NO_KEYRING": "1"}
    open_vault(environ).save("acme", {"api_key": "k"})
    assert set(modes(state).values()) == {0o700, 0o600}


def test_a_lock_file_that_others_may_read_is_closed(tmp_path):
    with Locks(tmp_path / "locks").hold("acme"):
        pass
    (path,) = (tmp_path / "locks").iterdir()
    path.chmod(0o644)
    with Locks(tmp_path / "locks").hold("acme"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_of_somebody_else_is_left_to_them(tmp_path, monkeypatch):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr("pathlib.Path.chmod", lambda self, mode: (_ for _ in ()).throw(PermissionError(1, "no")))
    make_private_folder(folder)
