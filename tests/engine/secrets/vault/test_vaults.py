"""Every vault keeps the contract of `secrets.Vault`; each has its own ways of being unusable."""

import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import launching
import pytest
from drawer import KEY, Drawer

from conn_engine.errors import CredentialError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.secrets.vault import (
    EnvironmentVault,
    FileVault,
    KeyringVault,
    MemoryVault,
    build_variable_name,
    find_state_folder,
    find_usable_keyring,
    open_vault,
)
from conn_engine.secrets.vault.folders import to_file_name
from conn_engine.secrets.vault.locks import Locks
from conn_service.store import DatabaseVault, VaultKeys, open_engine

TOKEN = {"oauth": {"token": {"access_token": "é-1", "refresh_token": "r-1", "expires_at": 1760000000}}}


@pytest.fixture(params=["memory", "file", "keyring", "keyring in parts", "database"])
def vault(request, tmp_path):
    return {
        "memory": MemoryVault,
        "file": lambda: FileVault(tmp_path / "v", KEY),
        "keyring": lambda: KeyringVault(Drawer(), tmp_path),
        "keyring in parts": lambda: KeyringVault(Drawer(largest=60), tmp_path, characters=60),
        "database": lambda: DatabaseVault(open_engine(StoreLocation(file=tmp_path / "s.sqlite3")), VaultKeys(KEY)),
    }[request.param]()


def test_what_is_saved_is_loaded_until_it_is_deleted(vault):
    assert vault.load("acme") is None
    assert vault.delete("acme") is False
    vault.save("acme", TOKEN)
    assert vault.load("acme") == TOKEN
    assert vault.load("other") is None
    vault.save("acme", {"api_key": "x" * 500})
    vault.save("acme", {"api_key": "k"})
    assert vault.load("acme") == {"api_key": "k"}
    assert vault.delete("acme") is True
    assert vault.load("acme") is None


def test_documents_are_copied(vault):
    document = {"a": {"b": "1"}}
    vault.save("acme", document)
    document["a"]["b"] = "2"
    vault.load("acme")["a"]["b"] = "3"
    assert vault.load("acme") == {"a": {"b": "1"}}


@pytest.mark.parametrize("account", ["a/../../b", "A", "a", "ä ö", "x" * 300, "CON", ".", "a:b|c", "日本"])
def test_accounts_of_any_name_are_apart(vault, account):
    vault.save(account, {"n": account})
    vault.save(account + "!", {"n": "other"})
    assert vault.load(account) == {"n": account}


def test_only_one_thread_at_a_time_and_accounts_do_not_block_each_other(vault):
    inside = []
    most = []

    def work(_):
        with vault.exclusive("acme"):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert max(most) == 1
    with vault.exclusive("acme"), vault.exclusive("other"):
        pass


def test_lock_is_given_back_after_an_error(vault):
    with pytest.raises(ZeroDivisionError), vault.exclusive("acme"):
        raise ZeroDivisionError
    with vault.exclusive("acme"):
        pass


def test_processes_exclude_each_other(tmp_path):
    """Each process adds one to a number many times, reading and writing it under the lock."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from conn_engine.secrets.vault import FileVault
        vault = FileVault(Path(sys.argv[1]), "a long passphrase for tests")
        for _ in range(40):
            with vault.exclusive("acme"):
                document = vault.load("acme") or {"n": 0}
                vault.save("acme", {"n": document["n"] + 1})
        """
    )
    engine = Path(__file__).parents[4] / "engine"
    environment = {**os.environ, "PYTHONPATH": str(engine)}
    running = [launching.start([sys.executable, "-c", script, str(tmp_path / "v")], env=environment) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert FileVault(tmp_path / "v", KEY).load("acme") == {"n": 120}


def test_lock_of_a_killed_process_is_free_again(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from conn_engine.secrets.vault.locks import Locks
        with Locks(Path(sys.argv[1])).hold("acme"):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4] / "engine")}
    process = launching.start(
        [sys.executable, "-c", script, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    with (
        pytest.raises(CredentialError, match="locked by another process"),
        Locks(tmp_path, wait_seconds=0.2).hold("acme"),
    ):
        pass
    process.kill()
    process.communicate()
    with Locks(tmp_path, wait_seconds=5).hold("acme"):
        pass


def test_waiting_for_a_thread_is_bounded():
    locks = Locks(None, wait_seconds=0.1)
    done = threading.Event()
    entered = threading.Event()

    def holder():
        with locks.hold("slow"):
            entered.set()
            done.wait(10)

    thread = threading.Thread(target=holder)
    thread.start()
    entered.wait(10)
    with pytest.raises(CredentialError, match="locked by another process"), locks.hold("slow"):
        pass
    done.set()
    thread.join()


def test_lock_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError, match="cannot create a lock") as caught:
        Locks(tmp_path / "file" / "x").hold("a").__enter__()
    assert "CONN_STATE_DIR" in caught.value.hint
    with Locks(tmp_path / "file" / "x", needed=False).hold("a"):
        pass


# --- encrypted file


def test_file_is_for_its_owner_only_and_shows_nothing(tmp_path):
    FileVault(tmp_path / "v", KEY).save("acme", {"api_key": "hunter22"})
    (path,) = (tmp_path / "v").glob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "hunter22" not in path.read_text()
    assert path.name.startswith("acme-")


def test_another_key_and_a_changed_file_are_told(tmp_path):
    vault = FileVault(tmp_path, KEY)
    vault.save("acme", TOKEN)
    with pytest.raises(CredentialError, match="CONN_VAULT_KEY is not its key"):
        FileVault(tmp_path, KEY + "!").load("acme")
    path = tmp_path / f"{to_file_name('acme')}.json"
    content = json.loads(path.read_text())
    content["content"] = content["content"][:-10] + "AAAAAAAA=="
    path.write_text(json.dumps(content))
    with pytest.raises(CredentialError, match="cannot be decrypted"):
        vault.load("acme")
    vault.save("acme", TOKEN)
    assert vault.load("acme") == TOKEN


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "\x00", '{"format": 2, "kdf": "scrypt", "salt": "", "content": ""}', "{" * 9999],
)
def test_file_that_is_something_else(tmp_path, text):
    (tmp_path / f"{to_file_name('acme')}.json").write_text(text)
    with pytest.raises(CredentialError, match="not a credential file"):
        FileVault(tmp_path, KEY).load("acme")


def test_files_of_two_accounts_cannot_be_exchanged(tmp_path):
    vault = FileVault(tmp_path, KEY)
    vault.save("acme", {"api_key": "1"})
    (tmp_path / f"{to_file_name('acme')}.json").rename(tmp_path / f"{to_file_name('other')}.json")
    with pytest.raises(CredentialError, match="not a credential file"):
        vault.load("other")


def test_short_key_and_unusable_folder(tmp_path):
    with pytest.raises(CredentialError, match="shorter than 8"):
        FileVault(tmp_path, "short")
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialError, match="cannot be"):
        FileVault(tmp_path / "file" / "x", KEY).save("acme", TOKEN)


# --- keyring


def test_parts_are_removed_with_their_entry(tmp_path):
    drawer = Drawer(largest=60)
    vault = KeyringVault(drawer, tmp_path, characters=60)
    vault.save("acme", {"t": "x" * 300})
    vault.save("acme", {"t": "y" * 200})
    assert vault.load("acme") == {"t": "y" * 200}
    assert len(drawer.entries) == 1 + 4
    vault.delete("acme")
    assert drawer.entries == {}


def test_entries_that_are_not_ours(tmp_path):
    drawer = Drawer()
    vault = KeyringVault(drawer, tmp_path)
    for text in ("", "x", "[]", '{"conn_parts": ["a", 2]}'):
        drawer.entries["conn", "acme"] = text
        with pytest.raises(CredentialError, match="not readable"):
            vault.load("acme")
        vault.save("acme", TOKEN)
        assert vault.load("acme") == TOKEN


def test_refusal_of_the_keyring_does_not_show_the_secret(tmp_path):
    with pytest.raises(CredentialError, match=r"keyring \(drawer\) failed: PasswordSetError") as caught:
        KeyringVault(Drawer(largest=5), tmp_path).save("acme", {"api_key": "hunter22"})
    assert "hunter22" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_keyring_that_hangs_is_left_behind(tmp_path):
    ended = threading.Event()

    class Hanging(Drawer):
        def get_password(self, service, username):
            ended.wait(60)

    with pytest.raises(CredentialError, match="does not respond"):
        KeyringVault(Hanging(), tmp_path, seconds=0.1).load("acme")
    ended.set()


@pytest.fixture
def chosen_keyring():
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_which_keyrings_are_usable(chosen_keyring, monkeypatch):
    for backend in (keyring.backends.fail.Keyring(), keyring.backends.null.Keyring()):
        chosen_keyring(backend)
        assert find_usable_keyring() is None
    empty = keyring.backends.chainer.ChainerBackend()
    monkeypatch.setattr(type(empty), "backends", [])
    chosen_keyring(empty)
    assert find_usable_keyring() is None
    drawer = Drawer()
    chosen_keyring(drawer)
    assert find_usable_keyring() is drawer

    def hang():
        time.sleep(10)

    monkeypatch.setattr(keyring, "get_keyring", hang)
    assert find_usable_keyring(0.1) is None


# --- environment


def test_fields_and_levels_from_variables():
    vault = EnvironmentVault(
        {
            "CONN_ACME_EU_API_KEY": "k",
            "CONN_ACME_EU_OAUTH__TOKEN__ACCESS_TOKEN": "t",
            "CONN_ACME_EU_OAUTH__TOKEN__EXPIRES_AT": "1760000000",
            "CONN_ACME_EU_EMPTY": "",
            "CONN_VAULT_KEY": "x",
            "CONN_STATE_DIR": "/x",
            "CONN_SYNC_STORE": "postgresql://conn:secret@db/conn",
        }
    )
    assert vault.load("acme-eu") == {
        "api_key": "k",
        "oauth": {"token": {"access_token": "t", "expires_at": 1760000000}},
    }
    assert vault.load("Acme.EU") == vault.load("acme-eu")
    assert vault.load("other") is None
    assert not vault.has("vault")
    assert not vault.has("state")
    assert not vault.has("sync")


def test_whole_document_under_single_fields():
    vault = EnvironmentVault(
        {"CONN_A_CREDENTIALS": '{"oauth": {"token": {"x": 1}}, "api_key": "old"}', "CONN_A_API_KEY": "new"}
    )
    assert vault.load("a") == {"oauth": {"token": {"x": 1}}, "api_key": "new"}


@pytest.mark.parametrize(
    "environ",
    [
        {"CONN_A_CREDENTIALS": "not json hunter22"},
        {"CONN_A_CREDENTIALS": '["hunter22"]'},
        {"CONN_A_OAUTH": "hunter22", "CONN_A_OAUTH__TOKEN": "hunter22"},
        {"CONN_A_CREDENTIALS": '{"oauth": {"token": "hunter22"}}', "CONN_A_OAUTH": "hunter22"},
    ],
)
def test_variables_that_make_no_document(environ):
    with pytest.raises(CredentialError, match="CONN_A_") as caught:
        EnvironmentVault(environ).load("a")
    assert "hunter22" not in str(caught.value) + caught.value.hint


def test_shorter_name_does_not_take_the_longer_ones_variables():
    environ = {"CONN_ACME_EU_TOKEN": "t"}
    assert EnvironmentVault(environ, accounts=["acme", "acme-eu"]).load("acme") is None
    assert EnvironmentVault(environ, accounts=["acme", "acme-eu"]).load("acme-eu") == {"token": "t"}


def test_renewed_token_lives_for_the_run_and_a_rotated_one_is_told(tmp_path):
    vault = EnvironmentVault({"CONN_A_CREDENTIALS": json.dumps(TOKEN)}, folder=tmp_path)
    renewed = json.loads(json.dumps(TOKEN))
    renewed["oauth"]["token"]["access_token"] = "new"
    with vault.exclusive("a"):
        vault.save("a", renewed)
    assert vault.load("a") == renewed
    assert vault.notices == []
    renewed["oauth"]["token"]["refresh_token"] = "r-2"
    vault.save("a", renewed)
    (notice,) = vault.notices
    assert "CONN_A_*" in notice
    assert "r-1" not in notice
    assert "r-2" not in notice
    with pytest.raises(CredentialError, match="environment") as caught:
        vault.delete("a")
    assert caught.value.hint == "unset CONN_A_CREDENTIALS"


def test_account_without_variables_cannot_be_stored():
    vault = EnvironmentVault({})
    with pytest.raises(CredentialError, match=r"^set CONN_VAULT_KEY") as caught:
        vault.save("acme", TOKEN)
    assert "CONN_ACME_CREDENTIALS" in caught.value.hint
    assert vault.delete("acme") is False


# --- choice


def test_order_of_choice(tmp_path, chosen_keyring):
    chosen_keyring(keyring.backends.fail.Keyring())
    bare = open_vault({}, folder=tmp_path)
    assert (bare.kind, bare.kind_of("acme")) == ("environment", "environment")
    with pytest.raises(CredentialError, match=r"^set CONN_VAULT_KEY"):
        bare.save("acme", TOKEN)
    filed = open_vault({"CONN_VAULT_KEY": KEY, "CONN_ENV_TOKEN": "t"}, folder=tmp_path)
    assert (filed.kind, filed.kind_of("acme"), filed.kind_of("env")) == (
        "encrypted file",
        "encrypted file",
        "environment",
    )
    filed.save("acme", TOKEN)
    assert filed.load("acme") == TOKEN
    assert filed.load("env") == {"token": "t"}
    with filed.exclusive("acme"), filed.exclusive("env"):
        pass
    assert filed.delete("acme")
    chosen_keyring(Drawer())
    assert open_vault({"CONN_VAULT_KEY": KEY}, folder=tmp_path).kind == "keyring"
    assert open_vault({"CONN_VAULT_KEY": KEY}, folder=tmp_path, preferred="file").kind == "encrypted file"
    assert open_vault({}, folder=tmp_path, preferred="memory").kind == "memory"
    assert open_vault({}, folder=tmp_path, preferred="environment").kind == "environment"


def test_what_is_asked_for_and_not_there(tmp_path, chosen_keyring):
    chosen_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(CredentialError, match="no usable keyring"):
        open_vault({"CONN_VAULT_KEY": KEY}, folder=tmp_path, preferred="keyring")
    with pytest.raises(CredentialError, match="needs a key"):
        open_vault({}, folder=tmp_path, preferred="file")


def test_workspaces_keep_accounts_of_the_same_name_apart(tmp_path, chosen_keyring):
    chosen_keyring(Drawer())
    for preferred in ("keyring", "file"):
        one, other = (
            open_vault({"CONN_VAULT_KEY": KEY}, folder=tmp_path, preferred=preferred, workspace=name)
            for name in ("a", "b")
        )
        one.save("acme", {"api_key": "1"})
        assert other.load("acme") is None
        assert one.load("acme") == {"api_key": "1"}


def test_state_folder(monkeypatch, tmp_path):
    assert find_state_folder({"CONN_STATE_DIR": "/x/y"}) == Path("/x/y")
    monkeypatch.setattr(sys, "platform", "linux")
    assert find_state_folder({"XDG_STATE_HOME": "/s"}) == Path("/s/conn")
    assert find_state_folder({}) == Path.home() / ".local" / "state" / "conn"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert find_state_folder({}) == Path.home() / "Library" / "Application Support" / "conn"
    monkeypatch.setattr(sys, "platform", "win32")
    assert find_state_folder({"LOCALAPPDATA": "/l"}) == Path("/l/conn")


def test_the_parts_of_an_oauth_token_have_short_names(tmp_path):
    environ = {"CONN_ACME_ACCESS_TOKEN": "a-token", "CONN_ACME_REFRESH_TOKEN": "r-token"}
    vault = EnvironmentVault(environ, accounts=["acme"], folder=tmp_path)
    assert vault.load("acme") == {"oauth": {"token": {"access_token": "a-token", "refresh_token": "r-token"}}}


def test_the_variable_of_a_field_is_the_one_that_is_read(tmp_path):
    for field, document in (
        ("api_key", {"api_key": "a-value"}),
        ("oauth.token.access_token", {"oauth": {"token": {"access_token": "a-value"}}}),
        ("a.b-c", {"a": {"b_c": "a-value"}}),
    ):
        name = build_variable_name("acme-eu", field)
        assert EnvironmentVault({name: "a-value"}, accounts=["acme-eu"], folder=tmp_path).load("acme-eu") == document
