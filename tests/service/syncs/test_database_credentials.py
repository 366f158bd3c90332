"""A credential that `conn auth login --store` puts into the store is that of all its workers."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from sync_bench import Bench, Releases

from conn_engine.config import load_workspace
from conn_service.store import DatabaseVault, open_database_vault
from conn_service.syncs.runner import SyncRunner

sys.path.append(str(Path(__file__).resolve().parents[2] / "cli"))

import transcript

KEY = "a-key-of-all-machines"


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A vendor that needs a token."""
    path = bench.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text() + "credentials: { format: bearer }\n")
    return bench


def run_conn(bench: Bench, *words: str, stdin: str = "", key: str = KEY, **environ: str) -> transcript.Run:
    """Run a command on one machine, with the store of all of them."""
    environ |= {"CONN_VAULT_KEY": key} if key else {}
    return transcript.conn(bench.root, *words, "--store", "../store.sqlite3", stdin=stdin, **environ)


def run_here(bench: Bench, *words: str, stdin: str = "", **environ: str) -> transcript.Run:
    """Run a command on one machine, with the credentials of that machine."""
    return transcript.conn(bench.root, *words, stdin=stdin, **{"CONN_VAULT_KEY": KEY, **environ})


def runner_of(bench: Bench, machine: str, key: str = KEY) -> SyncRunner:
    state = bench.root.parent / machine
    state.mkdir(mode=0o700, exist_ok=True)
    environ = {"CONN_STATE_DIR": str(state), "CONN_VAULT_KEY": key, "CONN_NO_KEYRING": "1"}
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    return runner


def test_a_login_is_that_of_every_worker(shop: Bench) -> None:
    waiting = shop.run(runner=runner_of(shop, "one"))
    assert (waiting.status, waiting.reason.rpartition("; ")[2]) == (
        "login",
        "to continue the run: conn auth login acme",
    ), "the credential of a machine is the usual one on SQLite"
    done = run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    assert (done.code, done.out.strip()) == (0, "stored the credential of acme in the database"), done.err
    assert shop.run(runner=runner_of(shop, "two")).status == "complete", "it continues on another machine"
    assert shop.run("r2", runner=runner_of(shop, "one")).status == "complete"
    assert "database" in run_conn(shop, "auth", "status").out
    assert not list((shop.root / ".state").glob("credentials/*")), "nothing is stored on the machine of the login"
    done = run_conn(shop, "auth", "logout", "acme", "--local")
    assert done.out.strip() == "removed the credential of acme from the database"
    assert shop.run("r3", runner=runner_of(shop, "two")).status == "login"


def test_a_worker_with_another_key_waits_and_says_so(shop: Bench) -> None:
    run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    run = shop.run(runner=runner_of(shop, "one", key="the-key-of-something-else"))
    assert run.status == "login"
    assert "encrypted with another key" in run.reason
    assert "to continue the run: set CONN_VAULT_KEY" in run.reason


def test_a_login_needs_a_key(shop: Bench) -> None:
    done = run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}', key="")
    assert done.code == 5
    assert "the vault in the database needs a key" in done.err and "CONN_VAULT_KEY" in done.err


def test_a_run_names_the_store_whose_credential_the_vendor_refuses(shop: Bench) -> None:
    run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    shop.contacts.fail_at = {1: (401, {}, {})}
    run = shop.run(runner=runner_of(shop, "one"))
    assert run.reason.endswith(f"; to continue the run: conn auth login acme --store {shop.root.parent}/store.sqlite3")


def test_a_part_and_the_connect_steps_are_those_of_the_database(shop: Bench) -> None:
    path = shop.root / "connectors/shop/connector.yaml"
    text = path.read_text().replace("format: bearer", "format: bearer, ask: [{ name: webhook_secret }]")
    path.write_text(
        text + "connect: [{ name: size, request: { path: /contacts }, transform: '$count(response.results)' }]\n"
    )
    run_conn(
        shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1", "webhook_secret": "old-secret"}'
    )
    done = run_conn(shop, "auth", "set", "acme", "webhook_secret", stdin="another-secret")
    assert (done.code, done.out.strip()) == (0, "stored webhook_secret of acme in the database"), done.err
    done = run_conn(shop, "auth", "connect", "acme")
    assert (done.code, done.out.splitlines()) == (0, ["  size = 3", "connected acme"]), done.err
    shop.contacts.fail_at = {len(shop.contacts.asked) + 1: (401, {}, {})}
    done = run_conn(shop, "auth", "connect", "acme")
    assert "then: conn auth connect acme --store ../store.sqlite3" in done.err
    assert run_here(shop, "auth", "status").code == 5, "this machine has none"
    vault = open_database_vault(shop.store.engine, load_workspace(shop.root), {"CONN_VAULT_KEY": KEY})
    assert vault.load("acme") == {
        "token": "token-of-acme-1",
        "webhook_secret": "another-secret",
        "captured": {"size": 3},
    }


def test_the_logins_of_a_machine_move_into_the_database(shop: Bench) -> None:
    shop.write({"accounts/globex.yaml": "connector: shop\n", "accounts/initech.yaml": "connector: shop\n"})
    run_here(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    run_here(shop, "auth", "login", "globex", "--json", stdin='{"token": "token-of-globex-1"}')
    refused = run_conn(shop, "auth", "adopt")
    assert refused.code == 2 and "conn auth adopt --yes --store ../store.sqlite3" in refused.err
    run_conn(shop, "auth", "login", "globex", "--json", stdin='{"token": "another-token-of-globex"}')
    done = run_conn(shop, "auth", "adopt", "--yes")
    assert done.code == 5
    assert done.out.splitlines() == [
        "moved the login of acme to the database",
        "not moved: the database has another login of globex",
    ]
    assert "conn auth logout ACCOUNT --local --store ../store.sqlite3" in done.err
    vault = open_database_vault(shop.store.engine, load_workspace(shop.root), {"CONN_VAULT_KEY": KEY})
    entry = vault.find("acme")
    assert entry is not None and entry.issue is not None
    assert (entry.document, entry.issue.hosts) == ({"token": "token-of-acme-1"}, (shop.arriving.host,))
    local = run_here(shop, "auth", "status", "--format", "json")
    assert [row["state"] for row in json.loads(local.out)["accounts"]] == ["absent", "present", "absent"]
    run_here(shop, "auth", "logout", "globex", "--local")
    assert (
        run_conn(shop, "auth", "adopt", "--yes").out == "nothing to move: this machine has no login of the workspace\n"
    )


def test_a_move_that_was_interrupted_is_finished_by_the_next(shop: Bench) -> None:
    run_here(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    done = run_conn(shop, "auth", "adopt", "--yes", "--format", "json")
    report = json.loads(done.out)
    assert (report["adopted"], [row["account"] for row in report["accounts"]]) == (True, ["acme"])
    assert run_here(shop, "auth", "status").code == 5


def test_the_key_of_the_database_is_changed(shop: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for account in ("acme", "globex"):
        shop.write({f"accounts/{account}.yaml": "connector: shop\n"})
        run_conn(shop, "auth", "login", account, "--json", stdin='{"token": "token-of-acme-1"}')
    new = {"key": "the-new-key-of-all", "CONN_VAULT_OLD_KEY": KEY}
    refused = run_conn(shop, "auth", "rotate-key", key="the-new-key-of-all")
    assert refused.code == 5 and "CONN_VAULT_OLD_KEY" in refused.err
    encrypt, number = DatabaseVault._encrypt, iter(range(2))

    def crash(*arguments: Any) -> Any:
        if next(number):
            raise KeyboardInterrupt
        return encrypt(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseVault, "_encrypt", crash)
        run_conn(shop, "auth", "rotate-key", **new)
    assert run_conn(shop, "auth", "status").code == 0, "nothing has changed"
    done = run_conn(shop, "auth", "rotate-key", **new)
    assert done.out.splitlines()[0] == "encrypted 2 credentials in the database with the new key", done.err
    again = run_conn(shop, "auth", "rotate-key", "--format", "json", **new)
    assert json.loads(again.out) == {"version": 1, "kind": "rotated-key", "encrypted": 0, "unchanged": 2}
    assert run_conn(shop, "auth", "status", key="the-new-key-of-all").code == 0
    assert run_conn(shop, "auth", "status").code == 5
    mistyped = run_here(shop, "auth", "rotate-key", "--store", "other.sqlite3")
    assert mistyped.code == 2 and "there is no database" in mistyped.err
    assert not (shop.root / "other.sqlite3").exists()


def test_the_key_of_the_files_of_this_machine_is_changed(shop: Bench) -> None:
    run_here(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}')
    new = {"CONN_VAULT_KEY": "the-new-key-of-all"}
    assert run_here(shop, "auth", "status", **new).code == 5
    assert run_here(shop, "auth", "status", **new, CONN_VAULT_OLD_KEY=KEY).code == 0
    done = run_here(shop, "auth", "rotate-key", **new, CONN_VAULT_OLD_KEY=KEY)
    assert done.out.splitlines()[0] == "encrypted 1 credential in the encrypted files with the new key", done.err
    assert run_here(shop, "auth", "status", **new).code == 0
    assert run_here(shop, "auth", "status").code == 5
    again = run_here(shop, "auth", "rotate-key", **new)
    assert "encrypted 0 credentials in the encrypted files with the new key; 1 had it already" in again.out
    assert run_here(shop, "auth", "logout", "acme", **new).code == 0
    assert "there are no credentials in the encrypted files" in run_here(shop, "auth", "rotate-key", **new).out
