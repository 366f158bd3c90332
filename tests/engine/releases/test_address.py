"""Addresses of stores: what they mean, and that a password is never shown."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from conn_engine.documents.locate import STATE_IGNORES
from conn_engine.errors import ConnError, UsageError
from conn_engine.releases import StoreFault, StoreLocation, StoreRefusedError, StoreUnreachableError, open_store

PASSWORD = "h:unter%2/22"
QUOTED = "h%3Aunter%252%2F22"


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("releases.db", "/work/releases.db"),
        ("/elsewhere/r.db", "/elsewhere/r.db"),
        ("sqlite:///r.db", "/work/r.db"),
        ("sqlite:////abs/r.db", "/abs/r.db"),
        ("sqlite+pysqlite:///a b.db", "/work/a b.db"),
        ("postgres/r.db", "/work/postgres/r.db"),
    ],
)
def test_a_file(text: str, file: str):
    assert StoreLocation.read(text, Path("/work")).file == Path(file)


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_postgres_database(kind: str):
    address = StoreLocation.read(f"{kind}://conn:{QUOTED}@db:5433/conn?sslmode=require", Path("/"))
    assert address.url is not None
    assert address.url.drivername == "postgresql+psycopg"
    assert address.public_text == "postgresql+psycopg://conn:***@db:5433/conn?sslmode=require"
    assert address.secrets == [PASSWORD]
    assert PASSWORD not in f"{address!r}{address}"
    assert QUOTED not in f"{address!r}{address}"


def test_a_password_in_the_query():
    address = StoreLocation.read("postgresql://db/conn?user=conn&password=hunter22", Path("/"))
    assert address.secrets == ["hunter22"]
    assert "hunter22" not in address.public_text


@pytest.mark.parametrize(
    "text",
    ["", "  ", "mysql://u:hunter22@h/d", "postgresql+asyncpg://u:hunter22@h/d", "postgresql://u:hunter22@h:port/d",
     "sqlite://", "sqlite:///:memory:", "sqlite:///x.db?mode=hunter22", "://hunter22", "postgresql:/u:hunter22@h/d",
     "Postgresql+psycopg//u:hunter22@h/d", "sqlite:/hunter22.db"],
)  # fmt: skip
def test_what_is_no_address_is_said_without_showing_it(text: str):
    with pytest.raises(UsageError) as caught:
        StoreLocation.read(text, Path("/"))
    assert "hunter22" not in caught.value.message + caught.value.hint
    assert caught.value.hint.startswith("pass a SQLite file")


def shown(error: ConnError) -> str:
    return f"{error.message} {error.hint} {error!r} {error.__cause__!r} {error.__context__ if error.__cause__ else ''}"


def test_a_database_that_does_not_answer():
    with pytest.raises(StoreUnreachableError, match="does not respond") as caught:
        open_store(f"postgresql://conn:{QUOTED}@127.0.0.1:1/conn")
    assert caught.value.exit_code == 4
    assert PASSWORD not in shown(caught.value)
    assert QUOTED not in shown(caught.value)


def test_a_database_that_is_not_there(postgres):
    url = sa.engine.make_url(postgres())
    with pytest.raises(StoreFault, match="there is no store at") as caught:
        open_store(url.set(database="nowhere").render_as_string(hide_password=False), create=True)
    assert "createdb" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_user_that_is_refused(postgres):
    url = sa.engine.make_url(postgres())
    with pytest.raises(StoreRefusedError, match="refuses the user") as caught:
        open_store(url.set(username="nobody", password="hunter22").render_as_string(hide_password=False))
    assert caught.value.exit_code == 5
    assert "hunter22" not in shown(caught.value)


def test_a_user_who_may_not_write(postgres):
    url = sa.engine.make_url(postgres())
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE reader LOGIN")
    engine.dispose()
    with pytest.raises(StoreFault, match="cannot be written: permission denied"):
        open_store(url.set(username="reader").render_as_string(hide_password=False), create=True)


def test_a_server_without_a_free_connection(postgres):
    url = sa.engine.make_url(postgres())
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    engine.dispose()
    with pytest.raises(StoreUnreachableError, match="has no connection left") as caught:
        open_store(url.set(username="crowd").render_as_string(hide_password=False), create=True)
    assert "max_connections" in caught.value.hint


def test_a_file_that_is_no_store(tmp_path: Path):
    (tmp_path / "text.db").write_text("hello, this is not a database\n" * 100)
    with pytest.raises(StoreFault, match="cannot be used: file is not a database"):
        open_store(tmp_path / "text.db")
    (tmp_path / "cut.db").write_bytes(b"")
    with pytest.raises(StoreFault, match="no release store"):
        open_store(tmp_path / "cut.db")
    with pytest.raises(StoreFault, match="is a folder"):
        open_store(tmp_path)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE conn_store (format TEXT)")
    with pytest.raises(StoreFault, match="has no format"):
        open_store(tmp_path / "other.db", create=True)


def test_a_store_is_made_whole_in_a_folder_that_git_ignores(tmp_path: Path):
    file = tmp_path / ".conn" / "releases.sqlite3"
    open_store(file, create=True).close()
    assert sorted(path.name for path in file.parent.iterdir()) == [".gitignore", "releases.sqlite3"]
    assert (file.parent / ".gitignore").read_text() == STATE_IGNORES


def test_a_place_where_nothing_can_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFault, match="cannot create the store"):
        open_store(tmp_path / "file" / "releases.sqlite3", create=True)


def test_a_busy_file_is_waited_for_and_then_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conn_engine.releases.opening.BUSY_SECONDS", 0.1)
    file = tmp_path / "releases.sqlite3"
    store = open_store(file, create=True)
    holding = sqlite3.connect(file, isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    assert store.channels() == []  # reading does not wait for who writes
    with pytest.raises(StoreUnreachableError, match="is busy"), store._database.begin_write():
        pass
    holding.execute("ROLLBACK")
    holding.close()
    store.close()
