"""A run waits for a login at its page, and never uses a credential whose renewal would be lost."""

import hashlib
import time
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import parse_qs

import pytest
from sync_bench import Bench, Releases

from conn_engine.config import load_workspace
from conn_engine.errors import CredentialError
from conn_engine.releases.store_location import StoreLocation
from conn_engine.runtime.wiring import vault_of
from conn_engine.secrets.vault import FileVault, Issue, MemoryVault, WorkspaceVault
from conn_service.connect.needs_login import LoginMonitor
from conn_service.delivery import DeliveryStore
from conn_service.store import open_database_vault
from conn_service.syncs.runner import SyncRunner
from conn_service.syncs.waking import wake_waiting_runs
from conn_service.syncs.worker import SyncWorker

ALL = [{"id": n, "name": f"N{n}"} for n in range(10)]
TOKEN = {"oauth": {"token": {"access_token": "aaaaaaaaaaaa", "refresh_token": "rrrrrrrrrrrr"}}}


@pytest.fixture
def environ(bench: Bench, tmp_path: Path) -> dict[str, str]:
    """A connector with a credential, and a vault of encrypted files."""
    path = bench.root / "connectors/shop/connector.yaml"
    path.write_text(path.read_text() + "credentials: { format: bearer }\n")
    state = {"CONN_STATE_DIR": str(tmp_path / "state"), "CONN_VAULT_KEY": "k" * 40, "CONN_NO_KEYRING": "1"}
    (tmp_path / "state").mkdir(mode=0o700)
    return state


def log_in(bench: Bench, environ: dict[str, str], token: str, account: str = "acme") -> None:
    """Store a credential as another process does."""
    vault_of(load_workspace(bench.root), environ).save(account, {"token": token})


def test_a_run_goes_on_at_its_page_after_a_login(bench: Bench, environ: dict[str, str]) -> None:
    log_in(bench, environ, "first-token-of-acme")
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    bench.contacts.fail_at = dict.fromkeys((3, 4), (401, {}, {}))
    with (bench.root / "conn.yaml").open("a") as file:
        file.write('\nendpoints: { app: { url: "https://a.test", events: [account.*] } }\n')
    assert bench.run(runner=runner).status == "login"
    assert bench.run(runner=runner).status == "login", "without a login it waits on"
    monitor = LoginMonitor(bench.store.engine, environ)
    assert [broken.account for broken in monitor.find_broken()] == ["acme"]
    assert DeliveryStore(bench.store.engine).count() == {"waiting": 1}, "the event account.needs_login, once"
    log_in(bench, environ, "second-token-of-acme")
    run = bench.run(runner=runner)
    assert (run.status, run.report["pages"]) == ("complete", 4)
    assert monitor.find_broken() == []
    assert bench.spooled() == ALL
    assert [query.get("after") for query in bench.contacts.asked] == [None, "3", "6", "6", "6", "9"]


def test_a_worker_waits_for_a_login_without_a_thread(bench: Bench, environ: dict[str, str]) -> None:
    with SyncWorker(
        StoreLocation(file=bench.root.parent / "store.sqlite3"), Releases(bench.root), environ=environ
    ) as worker:
        run = worker.start("people", "acme")
        [waiting] = worker.wait([run.id], 30)
        assert waiting.status == "login" and "conn auth login acme" in waiting.reason
        log_in(bench, environ, "first-token-of-acme")
        for _ in range(100):
            if wake_waiting_runs(bench.store.engine, "acme"):
                break
            time.sleep(0.1)
        assert not wake_waiting_runs(bench.store.engine, "globex")
        for _ in range(400):
            done = worker.store.get_run(run.id)
            if done.status == "complete":
                break
            time.sleep(0.05)
        assert (done.status, worker.store.spool.count(run.id)) == ("complete", 10)


def test_a_refresh_token_in_the_environment_is_refused(bench: Bench, environ: dict[str, str]) -> None:
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ | {"CONN_ACME_REFRESH_TOKEN": "r" * 20})
    bench.runners.append(runner)
    bench.run(runner=runner)
    assert bench.last is not None and bench.last.kind == "failed"
    assert "CONN_ACME_" in bench.last.reason and "conn auth login acme" in bench.last.reason
    assert "rrrr" not in bench.last.reason
    assert bench.contacts.asked == []


def test_a_key_is_derived_once_per_worker(
    bench: Bench, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(bench, environ, "first-token-of-acme")
    derive, calls = hashlib.scrypt, []

    def count(*arguments: Any, **more: Any) -> bytes:
        calls.append(more["salt"])
        return derive(*arguments, **more)

    monkeypatch.setattr(hashlib, "scrypt", count)
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    for number in range(4):
        assert bench.run(f"r{number}", runner=runner).status == "complete"
    assert len(calls) == len(set(calls))


OAUTH = """\
credentials:
  format: oauth2
  config: {{ token_url: "{url}/token", client_id: c, client_secret: client-secret-of-ours }}
authorization: {{ format: bearer }}
"""


def use_tokens(bench: Bench, *, lifetime: int) -> tuple[MemoryVault, list[str]]:
    """A vendor that gives each refresh token once, and the credential of its account. Returns the refresh tokens that
    arrive."""
    path = bench.root / "connectors/shop/connector.yaml"
    text = path.read_text().replace("credentials: { format: bearer }\n", "")
    path.write_text(text + OAUTH.format(url=bench.arriving.url))
    used: list[str] = []
    list_contacts = bench.arriving.answer

    def answer(arrived: Any) -> Any:
        if arrived.path != "/token":
            return list_contacts(arrived)
        [token] = parse_qs(arrived.body.decode())["refresh_token"]
        if token in used:
            return 400, {}, {"error": "invalid_grant"}
        used.append(token)
        name = f"{len(used):012d}"
        return {"access_token": f"access-{name}", "refresh_token": f"refresh-{name}", "expires_in": lifetime}

    bench.arriving.answer = answer
    now = time.time()
    token = {"access_token": "access-first", "refresh_token": "refresh-first", "expires_at": now + 200}
    return MemoryVault({"acme": {"oauth": {"token": {**token, "obtained_at": now - 3400}}}}), used


def test_a_token_that_expires_soon_is_renewed_and_stored_before_a_page(bench: Bench) -> None:
    vault, used = use_tokens(bench, lifetime=3600)
    bench.contacts.fail_at = {1: (400, {}, {"message": "the page breaks off"})}
    runner = SyncRunner(bench.store, Releases(bench.root), environ={"CONN_NO_KEYRING": "1"}, vault=vault)
    bench.runners.append(runner)
    runner.create_run("r1", "people", "acme")
    assert runner.advance("r1", 0).kind == "failed"
    stored = vault.load("acme")
    assert stored is not None and stored["oauth"]["token"]["refresh_token"] == "refresh-000000000001"
    again = SyncRunner(bench.store, Releases(bench.root), environ={"CONN_NO_KEYRING": "1"}, vault=vault)
    bench.runners.append(again)
    assert bench.run(runner=again).status == "complete"
    assert used == ["refresh-first"], "the token was renewed once, although the page was not stored"


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("kind", ["encrypted file", "database"])
def test_a_process_that_is_killed_before_a_renewed_token_is_stored_makes_its_run_wait_and_say_why(
    bench: Bench, environ: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, used = use_tokens(bench, lifetime=3600)
    workspace = load_workspace(bench.root)
    vault = vault_of(workspace, environ)
    if kind == "database":
        vault = open_database_vault(bench.store.engine, workspace, environ)
    document = memory.load("acme")
    assert document is not None
    vault.save("acme", document, Issue(workspace.effective(account="acme").issued_hosts()))

    def kill(*_: Any) -> None:
        raise Killed

    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    runner.create_run("r1", "people", "acme")
    with monkeypatch.context() as patch:
        patch.setattr(WorkspaceVault, "save", kill)
        with pytest.raises(Killed):
            runner.advance("r1", 0)
    assert used == ["refresh-first"], "the vendor has taken the token back"
    bench.contacts.fail_at = {1: (401, {}, {})}  # the access token expires
    again = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(again)
    run = bench.run(runner=again)
    assert (run.status, run.seq) == ("login", 0)
    assert "400 invalid_grant; the renewal that began at 20" in run.reason
    assert "was interrupted before the new token was stored" in run.reason
    assert "refresh-" not in run.reason and "to continue the run: conn auth login acme" in run.reason
    vault.save("acme", {"oauth": {"token": {"access_token": "access-new", "refresh_token": "refresh-new-login"}}})
    assert bench.run(runner=again).status == "complete"


def test_a_vault_that_cannot_be_written_costs_no_token(
    bench: Bench, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, used = use_tokens(bench, lifetime=3600)
    workspace = load_workspace(bench.root)
    vault = vault_of(workspace, environ)
    document = memory.load("acme")
    assert document is not None
    vault.save("acme", document, Issue(workspace.effective(account="acme").issued_hosts()))
    monkeypatch.setattr(FileVault, "save", Mock(side_effect=CredentialError("the disk is full", hint="remove files")))
    bench.contacts.fail_at = {1: (401, {}, {})}
    runner = SyncRunner(bench.store, Releases(bench.root), environ=environ)
    bench.runners.append(runner)
    run = bench.run(runner=runner)
    assert (run.status, run.reason) == ("login", "the disk is full; to continue the run: remove files")
    assert used == []


def test_a_token_that_always_expires_soon_is_not_renewed_at_each_page(bench: Bench) -> None:
    vault, used = use_tokens(bench, lifetime=120)
    runner = SyncRunner(bench.store, Releases(bench.root), environ={"CONN_NO_KEYRING": "1"}, vault=vault)
    bench.runners.append(runner)
    assert bench.run(runner=runner).report["pages"] == 4
    assert used == ["refresh-first"]


def test_a_run_whose_refresh_token_is_refused_waits_at_its_page(bench: Bench) -> None:
    vault, used = use_tokens(bench, lifetime=3600)
    used.append("refresh-first")
    runner = SyncRunner(bench.store, Releases(bench.root), environ={"CONN_NO_KEYRING": "1"}, vault=vault)
    bench.runners.append(runner)
    bench.contacts.fail_at = {3: (401, {}, {})}
    run = bench.run(runner=runner)
    assert (run.status, run.seq) == ("login", 2)
    assert "conn auth login acme" in run.reason
    vault.save("acme", {"oauth": {"token": {"access_token": "access-new-login", "refresh_token": "refresh-new"}}})
    assert bench.run(runner=runner).status == "complete"
    assert [query.get("after") for query in bench.contacts.asked] == [None, "3", "6", "6", "9"]
