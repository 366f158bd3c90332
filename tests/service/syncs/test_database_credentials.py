"""A credential that `conn auth login --store` puts into the store is that of all its workers."""

import sys
from pathlib import Path

import pytest
from sync_bench import Bench, Releases

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


def run_conn(bench: Bench, *words: str, stdin: str = "", key: str = KEY) -> transcript.Run:
    """Run a command on one machine, with the store of all of them."""
    environ = {"CONN_VAULT_KEY": key} if key else {}
    return transcript.conn(bench.root, *words, "--store", "../store.sqlite3", stdin=stdin, **environ)


def runner_of(bench: Bench, machine: str, key: str = KEY) -> SyncRunner:
    state = bench.root.parent / machine
    state.mkdir(mode=0o700, exist_ok=True)
    environ = {"CONN_STATE_DIR": str(state), "CONN_VAULT_KEY": key, "CONN_NO_KEYRING": "1"}
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    return runner


def test_a_login_is_that_of_every_worker(shop: Bench) -> None:
    assert shop.run(runner=runner_of(shop, "one")).status == "login"
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


def test_a_login_needs_a_key(shop: Bench) -> None:
    done = run_conn(shop, "auth", "login", "acme", "--json", stdin='{"token": "token-of-acme-1"}', key="")
    assert done.code == 5
    assert "the vault in the database needs a key" in done.err and "CONN_VAULT_KEY" in done.err
