"""Revisions over a workspace or a release: what is replaced, what is shared, and when it takes effect."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from conn_engine.config import Workspace, load_workspace
from conn_engine.errors import ConfigurationError, UsageError
from conn_engine.releases import ReleaseSource, open_store
from conn_engine.releases.actors import Act
from conn_engine.releases.promotion import make_release, promote
from conn_engine.secrets.vault.memory import MemoryVault
from conn_service.http.accounts import KeptConnections, WorkspaceConfiguration
from conn_service.http.channel import ChannelConfiguration
from conn_service.revisions import (
    RevisedConfiguration,
    Revision,
    RevisionStore,
    Subject,
    read_files,
    with_revisions,
    write_revisions,
)
from conn_service.store import open_engine

ACME = Subject("account", "acme")


def put(store: RevisionStore, subject: Subject, files: dict[str, str], **more: str) -> None:
    earlier = store.find_latest(subject)
    number = earlier.number + 1 if earlier is not None else 1
    store.add(Revision(subject, number, files, **more), {}, "put", seen=store.read_change())


def test_an_account_replaces_the_file_whatever_its_extension(workspace: Workspace) -> None:
    globex = Revision(Subject("account", "globex"), 1, {"accounts/globex.yaml": "connector: shop\n"})
    laid = with_revisions(workspace, [globex])
    assert laid.accounts() == ["acme", "globex"]
    assert laid.account("globex").connector == "shop"
    assert workspace.account("globex").connector == "mail"


def test_the_level_and_the_line_of_an_override_are_those_of_the_account(workspace: Workspace) -> None:
    text = "connector: shop\noverride:\n  timeout_seconds: 5\n"
    laid = with_revisions(workspace, [Revision(ACME, 1, {"accounts/acme.yaml": text})])
    (origin,) = laid.effective(account="acme").origins(("timeout_seconds",))
    assert (origin.level, origin.span and (origin.span.file, origin.span.line)) == (
        "account",
        ("accounts/acme.yaml", 3),
    )


def test_a_deleted_account_is_gone_although_the_folder_has_it(workspace: Workspace) -> None:
    laid = with_revisions(workspace, [Revision(ACME, 1, {})])
    assert laid.accounts() == ["globex"]
    with pytest.raises(UsageError, match='no account "acme"'):
        laid.effective(account="acme")


def test_a_connector_replaces_all_files_of_its_folder(workspace: Workspace) -> None:
    files = {"connectors/mail/connector.yaml": "base_url: https://b.example\nresources: {}\n"}
    laid = with_revisions(workspace, [Revision(Subject("connector", "mail"), 1, files)])
    assert laid.effective(account="globex").data["base_url"] == "https://b.example"
    assert read_files(laid, Subject("connector", "mail")) == files
    gone = with_revisions(laid, [Revision(Subject("connector", "mail"), 2, {})])
    assert gone.connectors() == ["shop"]


def test_a_change_of_one_account_converts_no_base_again(workspace: Workspace, store: RevisionStore) -> None:
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)
    before = source.get_current()[1]
    layers = before.effective(account="globex").layers
    put(store, ACME, {"accounts/acme.yaml": "connector: mail\n"})
    source.refresh()
    after = source.get_current()[1]
    assert after is not before
    assert after.effective(account="globex").layers[0] is layers[0]
    assert after.effective(account="acme").layers[0] is layers[0]
    assert after.document("account", "globex") is before.document("account", "globex")
    assert after.budgets is before.budgets


def test_only_what_concerns_an_account_changes_its_revision(workspace: Workspace, store: RevisionStore) -> None:
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)
    names = ("acme", "globex")
    first = [source.get_of_account(name)[0] for name in names]
    put(store, ACME, {"accounts/acme.yaml": "connector: shop\nlabel: Acme\n"})
    source.refresh()
    second = [source.get_of_account(name)[0] for name in names]
    assert [old == new for old, new in zip(first, second, strict=True)] == [False, True]
    put(store, Subject("connector", "mail"), {"connectors/mail/connector.yaml": "base_url: https://m.example\n"})
    source.refresh()
    third = [source.get_of_account(name)[0] for name in names]
    assert [old == new for old, new in zip(second, third, strict=True)] == [True, False]
    assert source.get_current()[0] not in (*first, *second, *third)


def test_a_change_of_one_account_closes_no_connection_of_another(workspace: Workspace, store: RevisionStore) -> None:
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)

    async def use(connections: KeptConnections) -> list[object]:
        found: list[object] = []
        for name in ("acme", "globex"):
            async with connections.use(name) as connection:
                found.append(connection)
        return found

    async def work() -> None:
        async with KeptConnections(source, MemoryVault(), {}) as connections:
            first = await use(connections)
            put(store, ACME, {"accounts/acme.yaml": "connector: shop\nlabel: Acme\n"})
            source.refresh()
            second = await use(connections)
            assert [one is other for one, other in zip(first, second, strict=True)] == [False, True]

    asyncio.run(work())


def test_a_tenant_is_that_of_the_revision_or_the_account_itself(workspace: Workspace, store: RevisionStore) -> None:
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)
    put(store, ACME, {"accounts/acme.yaml": "connector: shop\n"}, tenant="customer-7")
    source.refresh()
    assert [source.find_tenant(name) for name in ("acme", "globex", "nobody")] == ["customer-7", "globex", None]


def test_another_process_sees_a_change_without_a_restart(workspace: Workspace, store: RevisionStore) -> None:
    async def follow(other: RevisedConfiguration) -> None:
        task = asyncio.create_task(other.follow())
        put(store, Subject("account", "new"), {"accounts/new.yaml": "connector: shop\n"})
        async with asyncio.timeout(60):
            while not other.get_current()[1].has_account("new"):
                await asyncio.sleep(0)
        task.cancel()

    asyncio.run(follow(RevisedConfiguration(WorkspaceConfiguration(workspace), store, look_seconds=0.01)))


def test_the_last_configuration_is_used_while_the_database_is_gone(
    workspace: Workspace, store: RevisionStore, engine: sa.Engine
) -> None:
    put(store, ACME, {"accounts/acme.yaml": "connector: mail\n"})
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)

    def fail(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT 1", {}, Exception("the server is gone"))

    sa.event.listen(engine, "engine_connect", fail)
    source.look()
    assert source.fault == "the revisions of accounts cannot be read (OperationalError)"
    assert source.get_current()[1].account("acme").connector == "mail"
    sa.event.remove(engine, "engine_connect", fail)
    put(store, ACME, {"accounts/acme.yaml": "connector: shop\n"})
    source.look()
    assert (source.fault, source.get_current()[1].account("acme").connector) == (None, "shop")


def test_a_database_from_a_backup_is_read_from_its_start(
    workspace: Workspace, store: RevisionStore, engine: sa.Engine
) -> None:
    source = RevisedConfiguration(WorkspaceConfiguration(workspace), store)
    put(store, ACME, {"accounts/acme.yaml": "connector: mail\n"})
    put(store, Subject("account", "globex"), {})
    source.refresh()
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM conn_revision WHERE name = 'globex'")
        connection.exec_driver_sql("UPDATE conn_revision_counter SET change = 1")
    source.refresh()
    assert source.get_current()[1].accounts() == ["acme", "globex"]
    assert source.get_current()[1].account("acme").connector == "mail"


def test_revisions_stay_over_the_next_release(workspace: Workspace, tmp_path: Path) -> None:
    act = Act("somebody", 1_700_000_000.0)
    releases = open_store(tmp_path / "releases.sqlite3", create=True)
    store = RevisionStore(open_engine_of(tmp_path))
    put(store, ACME, {"accounts/acme.yaml": "connector: mail\n"})
    promote(releases, make_release(releases, workspace, act).release.id, "production", act)
    with ReleaseSource(tmp_path / "releases.sqlite3", "production", check_milliseconds=0) as channel:
        base = ChannelConfiguration(channel)
        source = RevisedConfiguration(base, store)
        first, laid = source.get_current()
        assert (laid.account("acme").connector, laid.account("globex").connector) == ("mail", "mail")
        (workspace.root / "accounts/globex.json").write_text('{"connector": "shop"}')
        promote(releases, make_release(releases, load_workspace(workspace.root), act).release.id, "production", act)
        base.check()
        second, laid = source.get_current()
        assert (laid.account("acme").connector, laid.account("globex").connector) == ("mail", "shop")
        assert first != second
    releases.close()


def test_an_account_that_a_new_release_breaks_is_named(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    act = Act("somebody", 1_700_000_000.0)
    releases = open_store(tmp_path / "releases.sqlite3", create=True)
    store = RevisionStore(open_engine_of(tmp_path))
    put(store, Subject("account", "umbra"), {"accounts/umbra.yaml": "connector: mail\n"})
    put(store, Subject("account", "other"), {"accounts/other.yaml": "connector: shop\n"})
    promote(releases, make_release(releases, workspace, act).release.id, "production", act)
    with ReleaseSource(tmp_path / "releases.sqlite3", "production", check_milliseconds=0) as channel:
        base = ChannelConfiguration(channel)
        source = RevisedConfiguration(base, store)
        source.look()
        assert source.find_broken() == {}
        for path in ("connectors/mail/connector.json", "accounts/globex.json"):
            (workspace.root / path).unlink()
        (workspace.root / "connectors/mail").rmdir()
        promote(releases, make_release(releases, load_workspace(workspace.root), act).release.id, "production", act)
        base.check()
        source.look()
        source.look()
        assert [*source.find_broken()] == ["umbra"]
        put(store, Subject("account", "umbra"), {"accounts/umbra.yaml": "connector: shop\n"})
        source.look()
        assert source.find_broken() == {}
        (line,) = (row for row in caplog.messages if "umbra" in row)
        assert line.startswith(
            'account "umbra" cannot be served: account "umbra" refers to the connector "mail", which'
        )
    releases.close()


def test_a_promotion_checks_the_accounts_of_the_store_too(workspace: Workspace, tmp_path: Path) -> None:
    act = Act("somebody", 1_700_000_000.0)
    releases = open_store(tmp_path / "releases.sqlite3", create=True)
    umbra = Revision(Subject("account", "umbra"), 1, {"accounts/umbra.yaml": "connector: mail\n"})
    gone = Revision(Subject("account", "globex"), 1, {})
    promote(releases, make_release(releases, workspace, act).release.id, "production", act)
    for path in ("connectors/mail/connector.json", "accounts/globex.json"):
        (workspace.root / path).unlink()
    (workspace.root / "connectors/mail").rmdir()
    second = make_release(releases, load_workspace(workspace.root), act).release.id

    def complete(folder: Path) -> None:
        write_revisions(folder, [umbra, gone])

    with pytest.raises(ConfigurationError, match='account "umbra" refers to the connector "mail"'):
        promote(releases, second, "production", act, complete=complete)
    assert promote(releases, second, "production", act).event is not None
    releases.close()


def open_engine_of(folder: Path) -> sa.Engine:
    from conn_engine.releases.store_location import StoreLocation

    return open_engine(StoreLocation(file=folder / "service.sqlite3"))


LINES = st.lists(
    st.sampled_from(
        [
            "# a comment — ünïcode 🎈",
            "connector: shop",
            "label:   'x'  ",
            "context: { a: 1 }",
            "",
            "tags:\n- eu",
            "\ttab",
        ]
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "conn.yaml").write_text("version: 1\n")
    (folder / "accounts").mkdir()
    return folder


@pytest.fixture(scope="module")
def one_store(root: Path) -> RevisionStore:
    return RevisionStore(open_engine_of(root))


@settings(max_examples=40)
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n", ""]), mark=st.booleans())
def test_documents_come_back_byte_for_byte(
    root: Path, one_store: RevisionStore, lines: list[str], end: str, *, mark: bool
) -> None:
    """What is imported into a store and exported again is the same, whatever it contains."""
    content = ("\ufeff" * mark + (end or "\n").join(lines) + end).encode()
    path = f"accounts/acme.{'json' if mark else 'yaml'}"
    (root / path).write_bytes(content)
    put(one_store, ACME, read_files(load_workspace(root), ACME))
    (root / path).unlink()
    laid = with_revisions(load_workspace(root), one_store.find_changed())
    assert {name: text.encode() for name, text in read_files(laid, ACME).items()} == {path: content}
