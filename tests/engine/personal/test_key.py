"""The key of a workspace's pseudonyms: in its vault, given by a variable, or of one run."""

import pytest

from conn_engine.errors import CredentialError, UsageError
from conn_engine.personal.key import ENTRY, VARIABLE, load_key
from conn_engine.secrets import Redactor
from conn_engine.secrets.vault import EnvironmentVault, open_vault
from conn_engine.secrets.vault.memory import MemoryVault


class Locked(MemoryVault):
    """A vault that does not open."""

    def load(self, account):
        raise CredentialError("the keyring does not answer")


def test_a_key_is_made_once_and_no_file_may_hold_it():
    vault, redactor = MemoryVault(), Redactor()
    first = load_key(vault, {}, redactor)
    again = load_key(vault, {}, Redactor())
    assert (first.origin, again.origin) == ("new", "vault")
    assert first.raw == again.raw
    assert first.raw != load_key(MemoryVault(), {}, redactor).raw
    assert redactor.find(f"x {vault.load(ENTRY)['key']} x") == ["the key of personal data"]
    assert "raw" not in repr(first)


def test_a_variable_goes_before_the_vault_and_is_no_part_of_an_account():
    environ = {VARIABLE: "0123456789abcdef"}
    vault = MemoryVault()
    assert load_key(vault, environ, Redactor()).origin == "variable"
    assert vault.load(ENTRY) is None
    with pytest.raises(UsageError, match="shorter than 16 characters"):
        load_key(vault, {VARIABLE: "short"}, Redactor())
    assert EnvironmentVault(environ, accounts=["personal"]).load("personal") is None


@pytest.mark.parametrize("locked", [False, True])
def test_where_no_key_can_be_kept_the_run_has_its_own_and_a_reason(tmp_path, locked):
    vault = Locked() if locked else open_vault({"CONN_NO_KEYRING": "1"}, folder=tmp_path)
    one, other = (load_key(vault, {}, Redactor()) for _ in range(2))
    assert (one.origin, other.origin) == ("run", "run")
    assert one.raw != other.raw
    assert one.reason


@pytest.mark.parametrize("text", ["", "ab", "no key", "\u00e9"])
def test_what_is_no_key_is_not_used_as_one(tmp_path, text):
    file = tmp_path / "key"
    file.write_text(text, encoding="utf-8")
    found = load_key(open_vault({"CONN_NO_KEYRING": "1"}, folder=tmp_path), {}, Redactor(), file=file)
    assert (found.origin, len(found.raw), found.reason) == ("run", 32, f"{file} has no key: delete it")
    vault = MemoryVault()
    vault.save(ENTRY, {"key": text})
    made = load_key(vault, {}, Redactor())
    assert (made.origin, vault.load(ENTRY)) == ("new", {"key": made.raw.hex()})
