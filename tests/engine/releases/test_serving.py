"""What a channel names is what a running process serves, whole, within a second and without a restart."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import launching
import pytest
import sqlalchemy as sa
from desks import CONNECTOR, FILES, UNIFIED, Desk
from vendor import start_vendor

from conn_engine import ReleaseSource
from conn_engine.config import load_workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases import StoreFault, open_store
from conn_engine.releases import tables as stored


@pytest.fixture
def vendor() -> Iterator[int]:
    """A server that answers with the path it was asked for; its port."""

    with start_vendor(lambda arrived: {"items": [{"id": 1, "name": arrived.target}]}) as made:
        yield made.port


def version(desk: Desk, number: int, port: int = 1) -> None:
    """Let three documents of the workspace say the same number."""
    here = f"http://127.0.0.1:{port}/v{number}"
    desk.write("conn.yaml", f'version: 1\ntrusted_hosts: ["127.0.0.1:{port}"]\n')
    desk.write("connectors/demo/connector.yaml", CONNECTOR.replace("https://api.example.com/v1", here))
    mapping = f"{{id: $string(response.id), asked: response.name, mapped: \"'{number}'\", account: context.owner}}"
    desk.write("connectors/demo/unified/crm.yaml", UNIFIED.replace(UNIFIED[UNIFIED.index("{id") :].strip(), mapping))
    desk.write("accounts/acme.yaml", f"connector: demo\ncontext: {{owner: '{number}'}}\n")


def said(record: dict[str, str]) -> set[str]:
    """The versions that the three documents showed in one request: one, unless two releases were mixed."""
    return {record["asked"].split("/")[1].removeprefix("v"), record["mapped"], record["account"]}


def until_served(lines: list[str], number: str) -> None:
    """Wait for a request that a version answers, at most a minute; how long it may take is judged by the lines."""
    deadline = time.monotonic() + 60
    while json.loads(lines[-1])["mapped"] != number and time.monotonic() < deadline:
        time.sleep(0.01)


class TestProcess:
    @pytest.mark.slow
    def test_a_running_process_serves_what_another_promotes(self, desk: Desk, vendor: int, environ: dict[str, str]):
        with desk.store() as store:
            version(desk, 1, vendor)
            first = desk.release(store)
            desk.serve(store, first, "staging")
            desk.serve(store, first)
            version(desk, 2, vendor)
            desk.serve(store, desk.release(store), "staging")
        server = launching.start(
            [sys.executable, "-m", "serving_process", desk.address, "production"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ, text=True,
        )  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        lines = [server.stdout.readline()]
        reader = threading.Thread(target=lambda: lines.extend(server.stdout or ()), daemon=True)
        reader.start()
        command = [sys.executable, "-m", "conn_cli.main", "-C", str(desk.root)]
        store_option = ["--store", desk.address]
        # The recording knows nothing of the new URL, so that the checks refuse, and a person decides.
        promote = [
            "promote",
            "staging",
            "production",
            *store_option,
            "--override",
            "measured",
        ]  # the earlier name of --despite
        launching.run([*command, *promote], env=environ, check=True, capture_output=True, timeout=60)
        promoted = time.time()
        until_served(lines, "2")
        launching.run([*command, "rollback", "production", *store_option], env=environ, check=True, timeout=60)
        rolled_back = time.time()
        until_served(lines, "1")
        time.sleep(0.3)
        server.stdin.close()
        assert server.wait(timeout=60) == 0
        reader.join(timeout=60)
        served = [json.loads(line) for line in lines]
        assert all(len(said(record)) == 1 for record in served), "a request mixed two releases"
        numbers = "".join(record["mapped"] for record in served)
        assert numbers == "1" * numbers.index("2") + "2" * numbers.count("2") + "1" * (numbers[::-1].index("2"))
        # A process sees a commit at most a second after the command that made it returned.
        assert next(record["at"] for record in served if record["mapped"] == "2") < promoted + 1.0
        last = max(number for number, record in enumerate(served) if record["mapped"] == "2")
        assert served[last + 1]["at"] < rolled_back + 1.0

    def test_threads_never_see_a_mixture(self, desk: Desk):
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            releases = []
            for number in (1, 2):
                version(desk, number)
                releases.append(desk.release(store))
            desk.serve(store, releases[0])
            ended = threading.Event()

            def work(_: int) -> int:
                done = 0
                while not ended.is_set():
                    effective = source.effective("acme")
                    mapping = effective.get_unified("crm", "contacts", "list")
                    assert mapping is not None
                    number = mapping.response_mapping["mapped"].strip("'")
                    assert effective.context["owner"] == number
                    assert effective.connector.base_url.endswith(f"/v{number}")
                    done += 1
                return done

            with ThreadPoolExecutor(4) as pool:
                working = [pool.submit(work, number) for number in range(4)]
                for turn in range(1, 20):
                    desk.serve(store, releases[turn % 2])
                    time.sleep(0.02)
                ended.set()
                assert all(task.result() > 0 for task in working)
            assert source.current().revision == 20

    def test_a_forked_process_has_connections_of_its_own(self, desk: Desk):
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            desk.serve(store, desk.release(store))
            assert source.current().revision == 1
            desk.serve(store, source.current().release)
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                os.write(writing, str(source.current().revision).encode())
                os._exit(0)
            os.waitpid(child, 0)
            assert os.read(reading, 10) == b"2"
            os.close(reading)
            os.close(writing)
            assert source.current().revision == 2
            assert store.channel("production").revision == 2


class TestSource:
    def test_a_release_is_the_workspace_that_it_was(self, file_desk: Desk):
        desk = file_desk
        desk.write("accounts/json.json", '{"connector": "demo", "override": {"timeout_seconds": 3}}')
        desk.write("accounts/odd name.yaml", "connector: demo\n")
        desk.write("environments/sandbox.yaml", "connectors: {demo: {timeout_seconds: 4}}\n")
        desk.write("models/crm/contact.schema.json", "{}")
        with desk.store() as store, ReleaseSource(desk.address, "production") as source:
            desk.serve(store, desk.release(store))
            folder, served = desk.workspace, source.current().workspace
            assert [(file.kind, file.name) for file in served.files()] == [(f.kind, f.name) for f in folder.files()]
            assert served.strays() == folder.strays() != []
            assert served.settings == folder.settings
            assert [path.name for path in served.models] == ["models"]
            for account in folder.accounts():
                for environment in (None, "sandbox"):
                    here = folder.effective(account=account, environment=environment)
                    there = source.effective(account, environment=environment)
                    assert there.data == here.data
                    assert there.context == here.context
                    assert there.hosts == here.hosts
                    assert [str(o.span) for o in there.origins(("base_url",))] == [
                        str(o.span) for o in here.origins(("base_url",))
                    ]
            with pytest.raises(UsageError, match='no account "nobody"'):
                source.effective("nobody")

    def test_only_what_changed_is_read_again(self, file_desk: Desk):
        desk = file_desk
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            desk.serve(store, desk.release(store))
            before = source.current()
            same = before.workspace.document("connector", "demo")
            old = before.workspace.document("account", "acme")
            desk.write("accounts/acme.yaml", "connector: demo\ncontext: {owner: two}\n")
            desk.serve(store, desk.release(store))
            after = source.current()
            assert after.release != before.release
            assert after.workspace.document("connector", "demo") is same
            assert after.workspace.document("account", "acme") is not old
            assert before.workspace.account("acme").context == {"owner": "one"}
            assert after.workspace.account("acme").context == {"owner": "two"}

    def test_the_channel_is_asked_about_no_more_than_said(self, file_desk: Desk):
        desk = file_desk
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=60_000) as source:
            desk.serve(store, desk.release(store))
            assert source.current().revision == 1
            desk.serve(store, source.current().release)
            assert source.current().revision == 1

    def test_a_channel_that_serves_nothing_is_said_and_waited_for(self, file_desk: Desk):
        desk = file_desk
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            with pytest.raises(UsageError, match="serves no release yet") as caught:
                source.current()
            assert caught.value.hint == "promote one: conn promote latest production"
            desk.serve(store, desk.release(store))
            assert source.current().revision == 1

    def test_a_store_that_goes_is_outlived(self, file_desk: Desk):
        desk = file_desk
        file = Path(desk.address)
        with desk.store() as store:
            desk.serve(store, desk.release(store))
        with ReleaseSource(file, "production", check_milliseconds=0) as source:
            assert source.effective("acme").context == {"owner": "one"}
            assert source.fault is None
            source._store.close()
            file.rename(file.with_name("away"))
            assert source.effective("acme").context == {"owner": "one"}
            assert isinstance(source.fault, StoreFault)
            with pytest.raises(StoreFault):
                source.effective("globex")
            file.with_name("away").rename(file)
            deadline = time.monotonic() + 60
            while source.fault is not None and time.monotonic() < deadline:
                source.current()
            assert source.fault is None
            assert source.effective("globex").context == {}

    def test_a_damaged_release_is_not_taken_up(self, desk: Desk):
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            first = desk.release(store)
            desk.serve(store, first)
            assert source.current().release == first
            desk.write("accounts/acme.yaml", "connector: demo\n")
            second = desk.release(store)
            with store._database.begin_write() as connection:
                connection.execute(sa.update(stored.blob).where(stored.blob.c.digest == second).values(content=b""))
            desk.serve(store, second)
            assert source.current().release == first
            assert source.fault is not None
            assert "damaged" in source.fault.message

    def test_connections_that_broke_are_made_anew(self, postgres, tmp_path: Path):
        desk = Desk(tmp_path.resolve(), postgres())
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            desk.serve(store, desk.release(store))
            assert source.current().revision == 1
            with store._database.begin_poll() as connection:
                others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
                others += "current_database() AND pid <> pg_backend_pid()"
                assert connection.exec_driver_sql(others).scalar() == 1
            desk.serve(store, source.current().release)
            assert source.current().revision == 2
            assert source.fault is None

    def test_credentials_stay_with_the_workspace_over_releases(self, tmp_path: Path):
        root = (tmp_path / "workspace").resolve()
        desk = Desk(root, str(root / ".conn" / "releases.sqlite3"))
        with desk.store() as store, ReleaseSource(desk.address, "production", check_milliseconds=0) as source:
            desk.serve(store, desk.release(store))
            assert source.current().workspace.identity == str(root) == desk.workspace.identity
            desk.map_name("response.nick")
            desk.serve(store, desk.release(store))
            assert source.current().workspace.identity == str(root)
        with ReleaseSource(desk.address, "production", identity="mine") as source:
            assert source.current().workspace.identity == "mine"

    def test_trusted_certificates_are_a_file_that_can_be_opened(self, file_desk: Desk):
        desk = file_desk
        desk.write("conn.yaml", "version: 1\ntrusted_certificates: private/ca.pem\n")
        desk.write("private/ca.pem", "-----BEGIN CERTIFICATE-----\n")
        with desk.store() as store, ReleaseSource(desk.address, "production") as source:
            desk.serve(store, desk.release(store))
            path = source.current().workspace.trust.certificates
            assert path is not None
            assert path.read_text() == "-----BEGIN CERTIFICATE-----\n"
        assert not path.exists()

    def test_a_document_that_is_no_text_is_said(self, file_desk: Desk):
        desk = file_desk
        (desk.root / "accounts/acme.yaml").write_bytes(b"connector: \xff\n")
        with desk.store() as store, ReleaseSource(desk.address, "production") as source:
            desk.serve(store, desk.release(store))
            with pytest.raises(ConfigurationError, match=r"accounts/acme\.yaml: the text is not UTF-8"):
                source.effective("acme")

    async def _ask(self, source: ReleaseSource, port: int) -> dict[str, str]:
        environ = {"CONN_NO_KEYRING": "1", "CONN_ACME_TOKEN": "t0p-s3cret-of-acme"}
        async with await source.aconnect("acme", environ=environ) as acme:
            return await anext(acme.records("contacts.list"))

    def test_an_event_loop_is_served_too(self, file_desk: Desk, vendor: int):
        import asyncio

        desk = file_desk
        version(desk, 7, vendor)
        with desk.store() as store, ReleaseSource(desk.address, "production") as source:
            desk.serve(store, desk.release(store))
            assert said(asyncio.run(self._ask(source, vendor))) == {"7"}


def test_the_files_of_the_tests_are_a_workspace(tmp_path: Path):
    desk = Desk(tmp_path, "unused")
    assert sorted(file.name for file in load_workspace(tmp_path).files()) == [
        "acme",
        "conn",
        "demo",
        "demo/crm",
        "globex",
        "production",
    ]
    assert set(FILES) == {path.relative_to(desk.root).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(StoreFault):
        open_store(tmp_path / "none.sqlite3")
