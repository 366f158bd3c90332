"""The store: the same tests on SQLite and on a real Postgres."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from desks import Desk, movement

from conn_engine.errors import UsageError
from conn_engine.releases import (
    Channel,
    ChannelMovedError,
    Manifest,
    Release,
    StoreFault,
    StoreLocation,
    collect,
    lay_out,
    open_store,
)
from conn_engine.releases import tables as stored
from conn_engine.releases.opening import Database
from conn_engine.releases.store import Store


class TestReleases:
    def test_content_comes_back_byte_by_byte(self, desk: Desk, tmp_path: Path):
        desk.write("connectors/demo/recordings/odd name é.json", "\x00not even JSON\r\n" * 1000)
        with desk.store() as store:
            release = desk.release(store)
            lay_out(store.manifest(release).files, store.contents, tmp_path / "out")
        written = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*") if path.is_file()}
        assert written == {path.relative_to(desk.root) for path in desk.root.rglob("*") if path.is_file()}
        for path in written:
            assert (tmp_path / "out" / path).read_bytes() == (desk.root / path).read_bytes()

    def test_the_same_content_is_the_same_release(self, desk: Desk):
        with desk.store() as store:
            found = collect(desk.workspace)
            first = Release(found.manifest.id, "first", "ada", "2026-01-01T00:00:00Z")
            assert store.add(first, found.manifest, found.blobs)
            again = Release(found.manifest.id, "second", "bob", "2027-01-01T00:00:00Z")
            assert not store.add(again, found.manifest, found.blobs)
            assert [release.message for release in store.releases()] == ["first"]
            desk.write("accounts/new.yaml", "connector: demo\n")
            assert desk.release(store) != found.manifest.id
            assert len(store.releases()) == 2

    def test_what_people_call_a_release(self, desk: Desk):
        with desk.store() as store:
            with pytest.raises(UsageError, match="no release yet"):
                store.resolve("latest")
            first = desk.release(store)
            desk.map_name("response.nick")
            second = desk.release(store)
            desk.serve(store, first)
            assert store.resolve("latest") == second
            assert store.resolve("production") == first
            assert store.resolve(second[:7]) == second == store.resolve(second)
            for unknown in ("productoin", "%", "____", "0" * 64, "f" * 65, ""):
                with pytest.raises(UsageError, match="no release"):
                    store.resolve(unknown)
            with pytest.raises(UsageError, match="too short") as caught:
                store.resolve(second[:3])
            assert caught.value.hint.startswith("pass its first 4 characters or more")
            with pytest.raises(UsageError) as caught:
                store.resolve("productoin")
            assert caught.value.hint == 'did you mean "production"?'

    def test_a_beginning_that_several_releases_share_is_ambiguous(self, desk: Desk):
        with desk.store() as store:
            for digest in ("a" * 64, "a" * 63 + "b"):
                with store._database.begin_write() as connection:
                    connection.execute(sa.insert(stored.blob).values(digest=digest, size=0, content=b""))
                    row = {"id": digest, "message": "", "made_by": "", "made_at": "", "engine": "", "verdict": "{}"}
                    connection.execute(sa.insert(stored.release), row)
            with pytest.raises(UsageError, match="several"):
                store.resolve("aaaa")

    def test_two_who_release_at_once_both_succeed(self, desk: Desk):
        desk.store().close()
        found = [collect(desk.workspace)]
        desk.map_name("response.nick")
        found.append(collect(desk.workspace))
        barrier = threading.Barrier(6)

        def work(number: int) -> bool:
            with open_store(desk.address, create=True) as store:
                mine = found[number % 2]
                barrier.wait()
                return store.add(Release(mine.manifest.id), mine.manifest, mine.blobs)

        with ThreadPoolExecutor(6) as pool:
            added = list(pool.map(work, range(6)))
        assert sorted(added) == [False] * 4 + [True] * 2
        with open_store(desk.address) as store:
            assert len(store.releases()) == 2
            for release in store.releases():
                assert dict(store.contents(store.manifest(release.id).files.values()))

    def test_a_release_that_cannot_be_written_leaves_nothing(self, desk: Desk):
        with desk.store() as store:
            found = collect(desk.workspace)
            broken = {**found.blobs, "f" * 64: None}
            with pytest.raises(TypeError):
                store.add(Release(found.manifest.id), found.manifest, broken)  # type: ignore[arg-type]
            assert store.releases() == []
            with store._database.begin_read() as connection:
                assert connection.execute(sa.select(sa.func.count()).select_from(stored.blob)).scalar() == 0


class TestChannels:
    def test_a_channel_moves_and_its_history_is_kept(self, desk: Desk):
        with desk.store() as store:
            first = desk.release(store)
            desk.map_name("response.nick")
            second = desk.release(store)
            assert store.channel("production") == Channel("production")
            desk.serve(store, first)
            desk.serve(store, second)
            desk.serve(store, first, "staging")
            assert store.channels() == [Channel("production", second, 2), Channel("staging", first, 1)]
            assert [(event.channel, event.revision, event.previous) for event in store.history()] == [
                ("staging", 1, ""),
                ("production", 2, first),
                ("production", 1, ""),
            ]
            assert [event.revision for event in store.history("production", 1)] == [2]

    def test_who_saw_another_release_is_told_so(self, desk: Desk):
        with desk.store() as store:
            release = desk.release(store)
            store.move(movement("production", 1, release, by="bob"))
            with pytest.raises(
                ChannelMovedError, match=rf"it serves {release[:12]} \(promote by bob\), not nothing"
            ) as caught:
                store.move(movement("production", 1, release))
            assert caught.value.exit_code == 1
            assert "conn history --channel production" in caught.value.hint
            with pytest.raises(ChannelMovedError):
                store.move(movement("production", 3, release, release))
            with pytest.raises(ChannelMovedError, match="no longer serves a release"):
                store.move(movement("other", 7, release, release))
            assert len(store.history()) == 1

    def test_an_unknown_release_is_not_served(self, desk: Desk):
        with desk.store() as store:
            with pytest.raises(UsageError, match="no release"):
                store.move(movement("production", 1, "0" * 64))
            assert store.channels() == []

    @pytest.mark.parametrize("start", [0, 1])
    def test_of_many_who_move_at_once_one_succeeds(self, desk: Desk, start: int):
        with desk.store() as store:
            release = desk.release(store)
            for _ in range(start):
                desk.serve(store, release)
            barrier = threading.Barrier(8)

            def work(number: int) -> str:
                event = movement("production", start + 1, release, release if start else "", by=f"person {number}")
                barrier.wait()
                try:
                    store.move(event)
                except ChannelMovedError as error:
                    return error.message
                return ""

            with ThreadPoolExecutor(8) as pool:
                said = list(pool.map(work, range(8)))
            winner = said.index("")
            assert said.count("") == 1
            assert all(f"promote by person {winner}" in message for message in said if message)
            assert store.channel("production").revision == start + 1
            assert store.history("production")[0].done_by == f"person {winner}"


class TestFaults:
    def test_a_missing_store_is_said_and_not_made(self, address: str, tmp_path: Path):
        with pytest.raises(StoreFault, match="no release store") as caught:
            open_store(address)
        assert caught.value.exit_code == 3
        assert caught.value.hint == "create one: conn release"
        assert list(tmp_path.iterdir()) == []

    def test_a_store_of_a_newer_version_is_refused(self, desk: Desk):
        with desk.store() as store, store._database.begin_write() as connection:
            connection.execute(sa.update(stored.store).values(format=99))
        for create in (False, True):
            with pytest.raises(
                StoreFault, match=f"format 99, but this version supports formats up to {len(stored.MIGRATIONS)}"
            ):
                open_store(desk.address, create=create)

    def test_content_that_was_changed_is_noticed(self, desk: Desk):
        with desk.store() as store:
            release = desk.release(store)
            digest = store.manifest(release).files["accounts/acme.yaml"]
            with store._database.begin_write() as connection:
                other = sa.select(stored.blob.c.content).where(stored.blob.c.digest != digest).limit(1)
                change = sa.update(stored.blob).where(stored.blob.c.digest == digest)
                connection.execute(change.values(content=other.scalar_subquery()))
            with pytest.raises(StoreFault, match=f"damaged: content {digest[:12]} has changed"):
                dict(store.contents([digest]))

    @pytest.mark.parametrize("content", [b"", b"no zlib", b"x" * 100])
    def test_content_that_cannot_be_unpacked_is_noticed(self, desk: Desk, content: bytes):
        with desk.store() as store:
            release = desk.release(store)
            with store._database.begin_write() as connection:
                connection.execute(
                    sa.update(stored.blob).where(stored.blob.c.digest == release).values(content=content)
                )
            with pytest.raises(StoreFault, match="damaged"):
                store.manifest(release)

    def test_content_that_is_gone_is_noticed(self, desk: Desk):
        with desk.store() as store:
            digest = store.manifest(desk.release(store)).files["conn.yaml"]
            with store._database.begin_write() as connection:
                connection.execute(sa.delete(stored.blob).where(stored.blob.c.digest == digest))
            with pytest.raises(StoreFault, match="is missing"):
                dict(store.contents([digest]))

    def test_a_list_of_files_that_is_gone_is_noticed(self, file_desk: Desk):
        with file_desk.store() as store:
            release = file_desk.release(store)
            with closing(sqlite3.connect(file_desk.address)) as other, other:  # which heeds no foreign keys
                other.execute("DELETE FROM conn_blob WHERE digest = ?", (release,))
            with pytest.raises(StoreFault, match=r"the file list of release \w+ is missing"):
                store.manifest(release)

    @pytest.mark.parametrize("said", ["{", "nonsense", "[]", "1"])
    def test_counts_that_are_none_are_noticed(self, desk: Desk, said: str):
        with desk.store() as store:
            desk.serve(store, desk.release(store))
            for table, column in ((stored.release, "verdict"), (stored.event, "checks")):
                with store._database.begin_write() as connection:
                    connection.execute(sa.update(table).values(**{column: said}))
            with pytest.raises(StoreFault, match="damaged"):
                store.releases()
            with pytest.raises(StoreFault, match="damaged"):
                store.history()

    @pytest.mark.parametrize("path", ["../out.yaml", "/etc/passwd", "a//b", "a/../../b", "c:\\x", "a/./b", ""])
    def test_a_release_cannot_name_files_elsewhere(self, desk: Desk, path: str):
        with desk.store() as store:
            release = desk.release(store)
            hostile = Manifest({path: store.manifest(release).files["conn.yaml"]})
            store.add(Release(hostile.id), hostile, {})
            with pytest.raises(StoreFault, match="has an invalid file name"):
                store.manifest(hostile.id)


class TestFormat:
    @staticmethod
    def _second(connection: sa.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE conn_release ADD COLUMN note TEXT")

    def test_an_older_store_is_brought_forward_and_keeps_what_it_has(self, desk: Desk):
        with desk.store() as store:
            release = desk.release(store)
        later = [*stored.MIGRATIONS, self._second]
        barrier = threading.Barrier(4)

        def work(_: int) -> list[str]:
            barrier.wait()
            database = Database(StoreLocation.read(desk.address, Path()), migrations=later)
            with Store(database) as store:
                return [found.id for found in store.releases()]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(work, range(4))) == [[release]] * 4
        with pytest.raises(
            StoreFault, match=rf"format {len(later)}, but this version supports formats up to {len(stored.MIGRATIONS)}"
        ):
            open_store(desk.address)

    def test_a_migration_that_fails_changes_nothing(self, desk: Desk):
        with desk.store() as store:
            release = desk.release(store)

        def failing(connection: sa.Connection) -> None:
            self._second(connection)
            connection.exec_driver_sql("ALTER TABLE conn_nowhere ADD COLUMN note TEXT")

        with pytest.raises(StoreFault, match="cannot be used"):
            Database(StoreLocation.read(desk.address, Path()), migrations=[*stored.MIGRATIONS, failing])
        with open_store(desk.address) as store:
            assert [found.id for found in store.releases()] == [release]
            with store._database.begin_read() as connection:
                assert "note" not in {column["name"] for column in sa.inspect(connection).get_columns("conn_release")}

    def test_many_who_make_a_store_at_once_make_one(self, desk: Desk):
        barrier = threading.Barrier(6)

        def work(_: int) -> int:
            barrier.wait()
            with open_store(desk.address, create=True) as store:
                return len(store.releases())

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(work, range(6))) == [0] * 6
